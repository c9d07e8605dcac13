#include "pg/session_look.h"

#include "pg/process.h"
#include "pg/role.h"
#include "pg/settings.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// its fallback_application_name
constexpr const char *pg_restore = "pg_restore";
constexpr const char *psql = "psql";

// The roles of sessions of the database with application_name pg_restore, once each.
struct named_roles {
  List *all = NIL;
  List *of_time = NIL;  // of sessions that began in that time
};
named_roles roles_named_pg_restore(Oid database, moment from, moment to) {
  return call([=] {
    pgstat_clear_backend_activity_snapshot();
    named_roles roles;
    const int count = pgstat_fetch_stat_numbackends();
    for (int i = 1; i <= count; ++i) {
      const LocalPgBackendStatus *local = versions::status_of_nth_process(i);
      if (local == nullptr) continue;
      const PgBackendStatus &status = local->backendStatus;
      if (status.st_procpid > 0 && status.st_backendType == B_BACKEND &&
          status.st_databaseid == database && status.st_appname != nullptr &&
          std::strcmp(status.st_appname, pg_restore) == 0) {
        roles.all = list_append_unique_oid(roles.all, status.st_userid);
        // not by the session's own time, which is by the wall clock
        const moment began = process_start(status.st_procpid);
        if (began.is_set() && began >= from && began <= to)
          roles.of_time = list_append_unique_oid(roles.of_time, status.st_userid);
      }
    }
    pgstat_clear_backend_activity_snapshot();
    return roles;
  });
}

// This session, as set by its client.
bool is_called(const char *name) {
  return application_name != nullptr && std::strcmp(application_name, name) == 0 &&
         settings::is_of_session("application_name");
}

}  // namespace

bool is_client_session() { return MyBackendType == B_BACKEND && !IsParallelWorker(); }

bool session_owns_database() { return owns_database(GetSessionUserId(), MyDatabaseId); }

bool checks_function_bodies() {
  return check_function_bodies || !settings::is_of_session("check_function_bodies");
}

bool has_search_path() {
  const char *path = namespace_search_path;
  if (path == nullptr) return false;
  const bool is_empty = std::strspn(path, "\" ") == std::strlen(path);
  return !is_empty || !settings::is_of_session("search_path");
}

bool hears_only_warnings() {
  return client_min_messages == WARNING && settings::is_of_session("client_min_messages");
}

bool is_psql() { return is_called(psql); }

bool is_pg_restore() { return is_called(pg_restore); }

bool has_broken_off() { return pgStatSessionEndCause != DISCONNECT_NORMAL; }

pg_restore_sessions find_pg_restore(Oid database, moment from, moment to) {
  pg_restore_sessions found;
  const named_roles roles = roles_named_pg_restore(database, from, to);
  if (roles.all == NIL) return found;
  begin_transaction();
  ListCell *cell;
  foreach (cell, roles.all)
    found.of_owner = found.of_owner || owns_database(lfirst_oid(cell), database);
  foreach (cell, roles.of_time)
    found.of_superuser = found.of_superuser || is_superuser(lfirst_oid(cell));
  commit_transaction();
  return found;
}

}  // namespace dynpgext::pg
