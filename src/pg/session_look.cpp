#include "pg/session_look.h"

#if PG_VERSION_NUM < 160000
#define pgstat_get_local_beentry_by_index pgstat_fetch_stat_local_beentry
#endif

namespace dynpgext::pg {
namespace {

// their fallback_application_name
constexpr const char *pg_restore = "pg_restore";
constexpr const char *psql = "psql";

}  // namespace

bool is_client_session() { return MyBackendType == B_BACKEND && !IsParallelWorker(); }

bool session_owns_database() {
  return call([] {
    const Oid role = GetSessionUserId();
    if (superuser_arg(role)) return true;
    const HeapTuple row = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
    if (!HeapTupleIsValid(row)) return false;
    const Oid owner = reinterpret_cast<Form_pg_database>(GETSTRUCT(row))->datdba;
    ReleaseSysCache(row);
    return has_privs_of_role(role, owner);
  });
}

bool checks_function_bodies() { return check_function_bodies; }

bool has_search_path() {
  return namespace_search_path != nullptr &&
         std::strspn(namespace_search_path, "\" ") != std::strlen(namespace_search_path);
}

bool hears_only_warnings() { return client_min_messages == WARNING; }

bool is_psql() { return application_name != nullptr && std::strcmp(application_name, psql) == 0; }

bool has_broken_off() { return pgStatSessionEndCause != DISCONNECT_NORMAL; }

bool has_pg_restore(Oid database) {
  return call([=] {
    pgstat_clear_backend_activity_snapshot();
    bool found = false;
    const int count = pgstat_fetch_stat_numbackends();
    for (int i = 1; i <= count && !found; ++i) {
      const LocalPgBackendStatus *local = pgstat_get_local_beentry_by_index(i);
      if (local == nullptr) continue;
      const PgBackendStatus &status = local->backendStatus;
      found = status.st_procpid > 0 && status.st_backendType == B_BACKEND &&
              status.st_databaseid == database && status.st_appname != nullptr &&
              std::strcmp(status.st_appname, pg_restore) == 0;
    }
    pgstat_clear_backend_activity_snapshot();
    return found;
  });
}

}  // namespace dynpgext::pg
