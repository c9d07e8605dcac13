// What a database hosts, for sessions in other databases.
//
// A transaction may lock a database for any time, even over restarts of the server, so that nobody
// can read its rows.  So each database that hosts libraries for sessions has a setting of the
// bootstrap superuser, "dynpgext_database.hosts"; pg/database_mark.h describes such settings.
#pragma once

#include "catalog/hosted.h"

namespace dynpgext::hosting {

// Of the current database, effective with the commit; not in recovery.  Without `waits`, as in
// a visit: while another transaction writes such settings, requests another visit instead.  Without
// `hosts`, as in a copy that may not: notes nothing.
void note_rows(const catalog::store &store, bool waits, bool hosts = true);
void forget_noted_rows();

// False for a database whose OID a dropped one had.  In a transaction.
[[nodiscard]] bool may_host(Oid database);

// Of any database, as far as is known.  In a process that is connected to one.
struct noted_hosting {
  bool hosts = false;
  bool for_all = false;   // one of them for the whole server
  std::string libraries;  // for messages; empty: unknown
};
[[nodiscard]] noted_hosting find_noted(Oid database);

}  // namespace dynpgext::hosting
