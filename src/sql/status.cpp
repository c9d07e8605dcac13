// The one row of dynpgext.status.
#include "pg/own_version.h"
#include "pg/settings.h"
#include "shared/versions.h"
#include "sql/function.h"
#include "sql/shown.h"
#include "workers/launcher_start.h"
#include "workers/use.h"

using namespace dynpgext;

DYNPGEXT_SQL_FUNCTION(dynpgext_boot) {
  return pg::entry([] { return Int64GetDatum(state::use().root->boot); });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_status) {
  return pg::entry([=] {
    state::shared &s = state::use();
    int64 databases = 0;
    int64 workers = 0;
    uint64 used = 0;
    pid_t launcher = 0;
    {
      const state::reading lock(s);
      for (const state::database_entry *d : s.databases.entries())
        if (d->present) ++databases;
      used = s.root->memory_used;
      launcher = s.root->launcher;
    }
    sql::for_workers_shown(s, true, [&](const state::worker_entry &w) {
      if (w.pid != 0 && !w.exited) ++workers;
    });
    int64 allocations = 0;
    sql::for_instances_shown(s, true, [&](const state::instance *) { ++allocations; });
    const uint64 limit = pg::settings::memory_limit_bytes();
    sql::result_set row(fcinfo);
    row.text(pg::own_version()).boolean(state::preloaded());
    if (launcher != 0)
      row.integer(launcher);
    else
      row.null();
    row.bigint(static_cast<int64>(used));
    if (limit != UINT64_MAX)
      row.bigint(static_cast<int64>(limit));
    else
      row.null();
    row.bigint(databases).bigint(allocations).bigint(workers).end_row();
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_versions) {
  return pg::entry([=] {
    const state::versions_in_use versions = state::versions(state::use());
    sql::result_set row(fcinfo);
    row.text_or_null(versions.launcher).text(versions.oldest).text(versions.newest).end_row();
    return Datum{0};
  });
}
