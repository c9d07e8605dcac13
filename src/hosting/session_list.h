// Hosting in the configuration: dynpgext's library in session_preload_libraries, which loads hosted
// libraries, and dynpgext.hosting_databases, whose rows must be followed first after a start of the
// server.
#pragma once

#include "hosting/block.h"

namespace dynpgext::hosting {

// For the current database: adds both with ALTER SYSTEM, unless they are listed; the server reads
// them with the commit.  55000 if a tool manages the settings.
void add_to_sessions();
// Is the library listed, in the configuration of this process?
[[nodiscard]] bool is_listed();
// The database has no library for sessions any more.  Also removes entries that no other database
// needs.
void remove_from_sessions();
// Removes databases that have been dropped, also if there is another one with the OID now.
void remove_dropped_databases();

// The rows of the current database have been followed, in this run of the server.
void note_followed(state::shared &s);
[[nodiscard]] bool is_followed(state::shared &s);
// The databases in dynpgext.hosting_databases.
[[nodiscard]] std::vector<Oid> listed_databases();
// Is one of the listed databases yet to be visited for the first time?  In the launcher.
[[nodiscard]] bool is_any_to_follow(const state::shared &s, const block &b);
// In the launcher.  Requests a visit of some database when one of the listed has been dropped: it
// takes that one off the lists.
void visit_for_dropped_databases(const state::shared &s);
// In the launcher: databases that others had locked, so that nobody waited for them, and have not
// any more.
void follow_unlocked_databases(const state::shared &s);
// Waits until those of all databases have been, except those that nobody can connect to; false
// after `end`, and if some of these may host libraries for the whole server.
[[nodiscard]] bool await_databases(state::shared &s, pg::moment end);

}  // namespace dynpgext::hosting
