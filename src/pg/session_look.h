// Signs that a session restores a database.
#pragma once

#include "pg/border.h"
#include "pg/clock.h"

namespace dynpgext::pg {

// Is this process a client's session, and not a worker or part of a parallel query?
[[nodiscard]] bool is_client_session();
// A superuser's, or of a role with the privileges of the database's owner.  In a transaction.
[[nodiscard]] bool session_owns_database();

// As set by the session or its client: ALTER DATABASE and ALTER ROLE do not make a session look
// like a restore.  Not to be called in a function with its own settings.
[[nodiscard]] bool checks_function_bodies();
[[nodiscard]] bool has_search_path();
[[nodiscard]] bool hears_only_warnings();

// Is this psql's session, by its application_name?
[[nodiscard]] bool is_psql();
// Is it pg_restore's?
[[nodiscard]] bool is_pg_restore();
// At its exit: does it end without its client's request?
[[nodiscard]] bool has_broken_off();
// For the launcher, outside of a transaction: does a session of the database have the
// application_name pg_restore, and may its role restore the database, or, for a session that began
// in that time, is it a superuser?  Anybody can use this name; and for a session without one the
// owner of the database can set it with ALTER DATABASE ... SET application_name.
struct pg_restore_sessions {
  bool of_owner = false;
  bool of_superuser = false;
};
[[nodiscard]] pg_restore_sessions find_pg_restore(Oid database, moment from, moment to);

}  // namespace dynpgext::pg
