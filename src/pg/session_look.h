// What of a session tells whether it restores a database.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Is this process a client's session, and neither a worker nor of a parallel query?
[[nodiscard]] bool is_client_session();
// A superuser's, or of a role that the database belongs to.  In a transaction.
[[nodiscard]] bool session_owns_database();

// As the session or its client has set them: what ALTER DATABASE or ALTER ROLE says makes no
// session look like one that restores.  Not to be asked for in a function that sets some.
[[nodiscard]] bool checks_function_bodies();
[[nodiscard]] bool has_search_path();
[[nodiscard]] bool hears_only_warnings();

// Is this session psql's, as it says?
[[nodiscard]] bool is_psql();
// Is it pg_restore's?
[[nodiscard]] bool is_pg_restore();
// When it exits: does it end otherwise than by its client's word?
[[nodiscard]] bool has_broken_off();
// For the launcher, outside of a transaction: does a session of the database say that it is
// pg_restore's, and is its role one that may restore it, or, of one that has begun in that time, a
// superuser?  Anybody can say so; and for a session that says nothing the owner of the database
// does, with ALTER DATABASE ... SET application_name.
struct pg_restore_sessions {
  bool of_owner = false;
  bool of_superuser = false;
};
[[nodiscard]] pg_restore_sessions find_pg_restore(Oid database, TimestampTz from, TimestampTz to);

}  // namespace dynpgext::pg
