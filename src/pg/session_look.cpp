#include "pg/session_look.h"

#include "pg/role.h"
#include "pg/transaction.h"

#if PG_VERSION_NUM < 160000
#define pgstat_get_local_beentry_by_index pgstat_fetch_stat_local_beentry
#endif

namespace dynpgext::pg {
namespace {

// their fallback_application_name
constexpr const char *pg_restore = "pg_restore";
constexpr const char *psql = "psql";

// Of the sessions of the database that say they are pg_restore's; each role once.
const List *roles_named_pg_restore(Oid database) {
  return call([=] {
    pgstat_clear_backend_activity_snapshot();
    List *roles = NIL;
    const int count = pgstat_fetch_stat_numbackends();
    for (int i = 1; i <= count; ++i) {
      const LocalPgBackendStatus *local = pgstat_get_local_beentry_by_index(i);
      if (local == nullptr) continue;
      const PgBackendStatus &status = local->backendStatus;
      if (status.st_procpid > 0 && status.st_backendType == B_BACKEND &&
          status.st_databaseid == database && status.st_appname != nullptr &&
          std::strcmp(status.st_appname, pg_restore) == 0)
        roles = list_append_unique_oid(roles, status.st_userid);
    }
    pgstat_clear_backend_activity_snapshot();
    return roles;
  });
}

}  // namespace

bool is_client_session() { return MyBackendType == B_BACKEND && !IsParallelWorker(); }

bool session_owns_database() { return owns_database(GetSessionUserId(), MyDatabaseId); }

bool checks_function_bodies() { return check_function_bodies; }

bool has_search_path() {
  return namespace_search_path != nullptr &&
         std::strspn(namespace_search_path, "\" ") != std::strlen(namespace_search_path);
}

bool hears_only_warnings() { return client_min_messages == WARNING; }

bool is_psql() { return application_name != nullptr && std::strcmp(application_name, psql) == 0; }

bool is_pg_restore() {
  return application_name != nullptr && std::strcmp(application_name, pg_restore) == 0;
}

bool has_broken_off() { return pgStatSessionEndCause != DISCONNECT_NORMAL; }

pg_restore_sessions find_pg_restore(Oid database) {
  pg_restore_sessions found;
  const List *roles = roles_named_pg_restore(database);
  if (roles == NIL) return found;
  begin_transaction();
  for (int i = 0; i < list_length(roles); ++i) {
    found.of_owner = found.of_owner || owns_database(list_nth_oid(roles, i), database);
    found.of_superuser = found.of_superuser || is_superuser(list_nth_oid(roles, i));
  }
  commit_transaction();
  return found;
}

}  // namespace dynpgext::pg
