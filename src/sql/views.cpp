// What the views are made of: rows of shared memory.  The views join them with the
// registrations that the reader's snapshot sees.
#include "extensions/ledger.h"
#include "guard/quarantine.h"
#include "memory/claims.h"
#include "model/version.h"
#include "pg/own_version.h"
#include "pg/settings.h"
#include "shared/events.h"
#include "shared/extension_states.h"
#include "shared/processes.h"
#include "shared/provisioning_lock.h"
#include "shared/publication.h"
#include "shared/text.h"
#include "sql/function.h"
#include "workers/entry.h"
#include "workers/launch.h"
#include "workers/launcher_start.h"
#include "workers/use.h"

#include <map>

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
  Oid source;  // the database that it was registered in
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

// What a view is of: this database and what is global, or the cluster.
bool is_of_cluster(FunctionCallInfo fcinfo) { return DatumGetBool(fcinfo->args[0].value); }

// Those that register what is shown.
std::vector<Oid> databases_shown(const state::shared &s, bool whole) {
  std::set<Oid> shown;
  if (whole)
    for (const state::database_entry *d : s.databases.entries()) shown.insert(d->key.database);
  else
    shown = state::databases_of(s, state::all_globals(s));
  shown.insert(MyDatabaseId);
  return {shown.begin(), shown.end()};
}

// The lists of entries that are shown.  The lock is held for one of them at a time.
template <class Table>
std::vector<Oid> lists_shown(const state::shared &s, const Table &table, bool whole) {
  if (!whole) return {MyDatabaseId, InvalidOid};
  const state::reading lock(s);
  return table.lists();
}

// f of each worker that is shown, under the lock.
template <class F>
void for_workers_shown(const state::shared &s, bool whole, F f) {
  for (const Oid list : lists_shown(s, s.workers, whole)) {
    const state::reading lock(s);
    for (const state::worker_entry *entry : s.workers.of(list))
      if (OidIsValid(entry->key.home)) f(*entry);
  }
  // a global one may move from one list to another
  const state::reading lock(s);
  for (const state::global_name &name : state::all_globals(s)) {
    if (name.kind != model::object_kind::worker) continue;
    if (const state::worker_entry *entry =
            s.workers.find(state::key_of({InvalidOid, name.extension, name.name})))
      f(*entry);
  }
}

// The same of instances: of each name what this process would find, and everything that drains.
template <class F>
void for_instances_shown(const state::shared &s, bool whole, F f) {
  const auto own = provisioning::transaction_holds();
  for (const Oid list : lists_shown(s, s.allocations, whole)) {
    const state::reading lock(s);
    for (const state::allocation_entry *entry : s.allocations.of(list)) {
      state::instance *best = nullptr;
      for (dsa_pointer p = entry->instances; DsaPointerIsValid(p); p = s.at(p)->next) {
        const bool held = std::any_of(own.begin(), own.end(),
                                      [p](const state::hold &h) { return h.instance == p; });
        const bool published = pg_atomic_read_u32(&s.at(p)->state) ==
                               static_cast<uint32>(state::instance_state::published);
        if (held || (published && best == nullptr)) best = s.at(p);
        if (held) break;
      }
      if (best != nullptr) f(best);
    }
  }
  const state::reading lock(s);
  for (dsa_pointer p = s.root->draining; DsaPointerIsValid(p); p = s.at(p)->next) f(s.at(p));
}

// What a worker ended with, or why it is not to run.
std::string shown_error(const state::shared &s, const state::worker_entry &e) {
  if (e.state == model::worker_state::quarantined) {
    std::string why =
        state::quarantine_reason(s, e.key.home, e.key.extension.view(), e.key.name.view());
    if (why.empty()) why = state::quarantine_reason(s, e.source, e.key.extension.view(), {});
    if (!why.empty()) return why;
  }
  return state::error_of(s, e);
}

// The database that the worker was registered in, whose encoding its names and errors are in.
Oid database_of_names(const state::worker_entry &e) {
  return OidIsValid(e.key.home) ? e.key.home : e.source;
}

// One that has ended and is to do something else than stay so is on its way to that, whatever state
// its end has led to.
model::worker_state shown_state(const state::worker_entry &e) {
  using model::worker_state;
  if (!e.exited || !e.is_leaving()) return e.state;
  return e.told_at.is_set() ? worker_state::stopping : worker_state::registered;
}

// Each try to start one that waits for a place is a state of its own.
pg::moment state_since(const state::worker_entry &e) {
  const bool waits = e.state == model::worker_state::waiting && e.waits_since.is_set();
  return waits ? e.waits_since : e.since;
}

// With `whole`, of all databases; otherwise this database's, and what others register of global
// names.
state::desired_databases registrations_shown(const state::shared &s, bool whole) {
  if (whole) {
    std::vector<Oid> databases;
    {
      const state::reading lock(s);
      databases = databases_shown(s, whole);
    }
    state::desired_databases all;
    for (const Oid database : databases)
      if (auto registered = state::read_registrations(s, database))
        all.push_back({database, std::move(*registered)});
    return all;
  }
  state::read_ahead(s, MyDatabaseId);
  const state::reading lock(s);
  state::desired_databases shown = state::registrations_of(s, state::all_globals(s));
  std::erase_if(shown, [](const model::desired_database &d) { return d.database == MyDatabaseId; });
  if (const auto own = state::registrations_of(s, MyDatabaseId))
    shown.push_back({MyDatabaseId, *own});
  return shown;
}

// The published registrations; of a global object the highest version's.
template <class Registration>
struct published {
  Oid database;
  std::string version;
  Registration registration;
};

template <class Registration, class List, class Key>
std::vector<published<Registration>> all_published(const state::shared &s, bool whole, List list,
                                                   Key key) {
  std::map<decltype(key(Oid{}, std::declval<const Registration &>())), published<Registration>>
      found;
  for (const model::desired_database &d : registrations_shown(s, whole)) {
    for (const Registration &r : list(d.registrations)) {
      const model::extension *owner = d.registrations.find_extension(r.extension);
      if (owner == nullptr) continue;
      const auto [at, is_new] =
          found.try_emplace(key(model::home_of(r.scope, d.database), r),
                            published<Registration>{d.database, owner->version, r});
      if (!is_new && model::compare_versions(owner->version, at->second.version) > 0)
        at->second = {d.database, owner->version, r};
    }
  }
  std::vector<published<Registration>> result;
  result.reserve(found.size());
  for (auto &[unused, p] : found) result.push_back(std::move(p));
  return result;
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
      const std::vector<Oid> databases = databases_shown(s, is_of_cluster(fcinfo));
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
    for_instances_shown(state::use(), is_of_cluster(fcinfo),
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
    for_workers_shown(s, is_of_cluster(fcinfo), [&](const state::worker_entry &e) {
      const bool only_prepared = e.ticket == 0 && !OidIsValid(e.source);
      const bool forgotten = e.after == state::after_end::vanish && e.exited;
      if (!only_prepared && !forgotten && !e.held_back)
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
      rows.from(database_of_names(e))
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
      rows.time(pg::wall_time(state_since(e)));
      rows.end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_live_commands) {
  return pg::entry([=] {
    state::shared &s = state::use();
    std::vector<std::pair<state::worker_entry, std::string>> all;
    for_workers_shown(s, is_of_cluster(fcinfo), [&](const state::worker_entry &e) {
      if (e.hosted && OidIsValid(e.source)) all.emplace_back(e, state::error_of(s, e));
    });
    sql::result_set rows(fcinfo);
    for (const auto &[e, error] : all) {
      rows.from(database_of_names(e));
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

DYNPGEXT_SQL_FUNCTION(dynpgext_published_allocations) {
  return pg::entry([=] {
    const auto all = all_published<model::allocation>(
        state::use(), is_of_cluster(fcinfo),
        [](const model::registrations &r) { return r.allocations; },
        [](Oid home, const model::allocation &a) {
          return std::pair{home, a.name};
        });
    sql::result_set rows(fcinfo);
    for (const auto &p : all) {
      rows.from(p.database);
      rows.oid(model::home_of(p.registration.scope, p.database))
          .oid(p.database)
          .text(p.registration.name);
      rows.name(p.registration.extension)
          .text(p.version)
          .text(model::name_of(p.registration.scope));
      rows.bigint(static_cast<int64>(p.registration.size)).end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_published_workers) {
  return pg::entry([=] {
    const auto all = all_published<model::worker>(
        state::use(), is_of_cluster(fcinfo),
        [](const model::registrations &r) { return r.workers; },
        [](Oid home, const model::worker &w) {
          return std::tuple{home, w.extension, w.name};
        });
    sql::result_set rows(fcinfo);
    for (const auto &p : all) {
      const model::worker &w = p.registration;
      rows.from(p.database);
      rows.oid(model::home_of(w.scope, p.database))
          .oid(p.database)
          .name(w.extension)
          .text(p.version);
      rows.text(w.name)
          .text(w.type)
          .text(model::name_of(w.scope))
          .text(w.library)
          .text(w.function)
          .text(model::name_of(w.restart))
          .boolean(w.hosted);
      // of an SQL worker the argument is its role
      w.hosted &&w.argument != 0 ? rows.oid(static_cast<Oid>(w.argument)) : rows.null();
      rows.end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_published_extensions) {
  return pg::entry([=] {
    sql::result_set rows(fcinfo);
    for (const model::desired_database &d : registrations_shown(state::use(), true)) {
      std::map<std::string_view, std::pair<int64, int64>> counts;
      for (const model::allocation &a : d.registrations.allocations) ++counts[a.extension].first;
      for (const model::worker &w : d.registrations.workers) ++counts[w.extension].second;
      for (const model::extension &e : d.registrations.extensions) {
        if (e.is_library) continue;
        const auto &[allocations, workers] = counts[e.name];
        rows.from(d.database).oid(d.database).name(e.name).text(e.version);
        rows.text_or_null(e.library).bigint(allocations).bigint(workers).end_row();
      }
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
    for_workers_shown(s, true, [&](const state::worker_entry &w) {
      if (w.pid != 0 && !w.exited) ++workers;
    });
    int64 allocations = 0;
    for_instances_shown(s, true, [&](const state::instance *) { ++allocations; });
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
