// The live part of the views: entries of shared memory.  The views join them with the registrations
// in the reader's snapshot.
#include "guard/quarantine.h"
#include "shared/events.h"
#include "shared/extension_states.h"
#include "shared/processes.h"
#include "shared/provisioning_lock.h"
#include "shared/runs.h"
#include "shared/text.h"
#include "sql/function.h"
#include "sql/shown.h"
#include "workers/launch.h"
#include "workers/use.h"

namespace {

using namespace dynpgext;

std::string_view state_name(state::instance *i) {
  const auto state = static_cast<state::instance_state>(pg_atomic_read_u32(&i->state));
  return model::name_of(state == state::instance_state::draining
                            ? model::allocation_state::draining
                            : model::allocation_state::allocated);
}

struct instance_row {
  Oid home;
  Oid source;  // in which it was registered
  std::string name, extension;
  uint64 size;
  std::string_view state;
  uint32 attached;
  TimestampTz allocated_at;
  pg::moment drained;
};

instance_row describe(state::instance *i) {
  return {i->home,
          i->source,
          std::string(i->name()),
          std::string(i->extension()),
          i->size,
          state_name(i),
          i->attached,
          i->allocated_at,
          i->drained};
}

// The error that ended a worker, or the reason why it does not run.
std::string shown_error(const state::shared &s, const state::worker_entry &e) {
  if (e.state == model::worker_state::quarantined) {
    std::string why =
        state::quarantine_reason(s, e.key.home, e.key.extension.view(), e.key.name.view());
    if (why.empty()) why = state::quarantine_reason(s, e.source, e.key.extension.view(), {});
    if (!why.empty()) return why;
  }
  return state::error_of(s, e);
}

// After its end, a worker with a further step is shown in the state that leads to it, whatever
// state its end has led to.
model::worker_state shown_state(const state::worker_entry &e) {
  using model::worker_state;
  if (!e.exited || !e.is_leaving()) return e.state;
  return e.told_at.is_set() ? worker_state::stopping : worker_state::registered;
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_live_extensions) {
  return pg::entry([=] {
    state::shared &s = state::use();
    struct row {
      Oid database;
      std::string extension, error;
      model::extension_state state;
      TimestampTz at;
      pg::moment since;
    };
    std::vector<row> all;
    {
      const state::reading lock(s);
      const std::vector<Oid> databases = sql::databases_shown(s, sql::is_of_cluster(fcinfo));
      for (const model::live_extension &e : state::live_extensions(s, databases)) {
        const state::extension_entry *entry = state::find_extension(s, e.database, e.name);
        row r{e.database, e.name, state::quarantine_reason(s, e.database, e.name, {}),
              e.state,    0,      {}};
        if (entry != nullptr) r.at = entry->provisioned_at;
        if (entry != nullptr && entry->state == e.state) r.since = entry->since;
        if (entry != nullptr && r.error.empty()) r.error = state::view(s, entry->error);
        all.push_back(std::move(r));
      }
    }
    sql::result_set rows(fcinfo);
    for (const row &r : all) {
      rows.from(r.database).oid(r.database).name(r.extension).text(model::name_of(r.state));
      rows.text_or_null(r.error).time(r.at).time(pg::wall_time(r.since)).end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_live_provisioners) {
  return pg::entry([=] {
    sql::result_set rows(fcinfo);
    for (const state::provisioner &p : state::provisioners(state::use()))
      if (!p.extension.empty())
        rows.from(p.database).oid(p.database).name(p.extension).integer(p.pid).end_row();
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_live_allocations) {
  return pg::entry([=] {
    std::vector<instance_row> all;
    sql::for_instances_shown(state::use(), sql::is_of_cluster(fcinfo),
                             [&](state::instance *i) { all.push_back(describe(i)); });
    sql::result_set rows(fcinfo);
    for (const instance_row &r : all) {
      rows.from(r.source)
          .oid(r.home)
          .text(r.name)
          .name(r.extension)
          .bigint(static_cast<int64>(r.size))
          .text(r.state);
      rows.integer(static_cast<int32>(r.attached)).time(r.allocated_at);
      rows.time(r.drained.is_set() ? pg::wall_time(r.drained) : r.allocated_at).end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_live_workers) {
  return pg::entry([=] {
    state::shared &s = state::use();
    struct row {
      state::worker_copy worker;
      std::string error;
      std::optional<model::suspect> role;
      std::optional<state::loaded_library> loaded;
    };
    std::vector<row> all;
    sql::for_workers_shown(s, sql::is_of_cluster(fcinfo), [&](const state::worker_entry &e) {
      if (sql::is_shown(e))
        all.push_back({copy_of(s, e), shown_error(s, e), state::quarantine_of_role(s, e),
                       state::loaded_file(s, e)});
    });
    for (row &r : all)
      if (r.role && r.worker.entry.state == model::worker_state::quarantined)
        r.error = state::quarantine_reason(*r.role);
    sql::result_set rows(fcinfo);
    for (const auto &[worker, error, role, loaded] : all) {
      const state::worker_entry &e = worker.entry;
      const model::worker definition = definition_of(worker);
      const bool is_there = e.pid != 0 && !e.exited;
      rows.from(sql::database_of_names(e))
          .oid(e.key.home)
          .name(e.key.extension.view())
          .text(e.key.name.view())
          .text(version_of(worker));
      rows.text(definition.type).text(definition.library).text(definition.function);
      rows.text(model::name_of(shown_state(e)));
      is_there ? rows.integer(e.pid) : rows.null();
      rows.bigint(e.starts).time(e.last_started_at).time(e.last_exited_at);
      e.last_exited_at != 0 ? rows.integer(e.last_exit_code) : rows.null();
      rows.text_or_null(error).boolean(e.after == state::after_end::vanish);
      rows.text(model::name_of(e.restart));
      rows.time(
          pg::wall_time(e.state == model::worker_state::backoff ? e.next_start_at : pg::moment{}));
      rows.boolean(loaded && state::is_stale(*loaded));
      rows.text_or_null(e.state == model::worker_state::waiting ? name_of(e.waits_for) : "");
      rows.time(pg::wall_time(sql::state_since(e)));
      rows.end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_live_commands) {
  return pg::entry([=] {
    state::shared &s = state::use();
    std::vector<std::pair<state::worker_entry, std::string>> all;
    sql::for_workers_shown(s, sql::is_of_cluster(fcinfo), [&](const state::worker_entry &e) {
      if (e.hosted && OidIsValid(e.source)) all.emplace_back(e, state::error_of(s, e));
    });
    sql::result_set rows(fcinfo);
    for (const auto &[e, error] : all) {
      rows.from(sql::database_of_names(e));
      rows.oid(e.key.home).name(e.key.extension.view()).text(e.key.name.view()).oid(e.source);
      rows.text(model::name_of(shown_state(e)));
      e.pid != 0 && !e.exited ? rows.integer(e.pid) : rows.null();
      rows.bigint(e.runs.count).bigint(e.runs.failures).time(e.runs.last_at);
      e.runs.count > 0 ? rows.duration(e.runs.last_duration) : rows.null();
      rows.time(e.runs.last_failed_at).text_or_null(error).time(pg::wall_time(e.runs.next_at));
      rows.end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_list_events) {
  return pg::entry([=] {
    sql::result_set rows(fcinfo);
    for (const state::event_entry &e : state::events(state::use())) {
      rows.from(e.home).time(e.at).name(e.extension.view());
      rows.text(model::name_of(static_cast<model::object_kind>(e.object))).text(e.name.view());
      rows.oid(e.home).text(e.event.view()).text_or_null(e.detail.view()).end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_list_runs) {
  return pg::entry([=] {
    sql::result_set rows(fcinfo);
    for (const state::run_entry &r : state::runs(state::use(), MyDatabaseId)) {
      rows.from(r.ran_in).name(r.extension.view()).text(r.worker.view()).oid(r.home).oid(r.ran_in);
      rows.time(r.began_at).duration(r.duration).text(name_of(r.end));
      rows.text_or_null(r.error.view()).end_row();
    }
    return Datum{0};
  });
}
