// health(): the problems. model/health.h defines them; this file reads everything in the cluster
// once.  It starts, looks up and provisions nothing: it may be called every few seconds, on a
// standby, and without a launcher.
#include "model/health.h"
#include "guard/quarantine.h"
#include "hosting/report.h"
#include "pg/database.h"
#include "pg/role.h"
#include "pg/settings.h"
#include "shared/extension_states.h"
#include "shared/processes.h"
#include "shared/publication.h"
#include "shared/text.h"
#include "sql/function.h"
#include "sql/shown.h"
#include "workers/delays.h"
#include "workers/launcher_start.h"
#include "workers/workers.h"

#include <map>
#include <set>

namespace {

using namespace dynpgext;

struct finding {
  model::complaint what;
  std::string_view object;
  std::string name;       // empty: the only one of its kind
  Oid database;           // InvalidOid: of the server
  Oid names;              // the texts are in its encoding; InvalidOid: this one's
  TimestampTz since = 0;  // 0: unknown
};

// A requested launcher that has not started after this time has failed.
constexpr std::chrono::seconds launcher_patience(10);

bool is_for_place(state::waiting_for what) {
  using state::waiting_for;
  return what == waiting_for::slot || what == waiting_for::max_workers ||
         what == waiting_for::max_database_workers || what == waiting_for::max_owner_workers ||
         what == waiting_for::max_runners || what == waiting_for::max_own_processes;
}

// One pass over everything.  A function that takes the lock has a comment; others are called under
// it.
class examination {
 public:
  explicit examination(state::shared &s) : shared_(s) {}

  std::vector<finding> all() {
    examine_server();
    examine_databases();
    examine_hosted();
    examine_extensions();
    examine_workers();
    examine_draining();
    std::stable_sort(found_.begin(), found_.end(), [](const finding &a, const finding &b) {
      return std::tuple(a.what.level, a.object, a.database, std::string_view(a.name)) <
             std::tuple(b.what.level, b.object, b.database, std::string_view(b.name));
    });
    return std::move(found_);
  }

 private:
  using complaint = std::optional<model::complaint>;

  void add(complaint &&what, std::string_view object, std::string name, Oid database, Oid names,
           TimestampTz since) {
    if (what) found_.push_back({std::move(*what), object, std::move(name), database, names, since});
  }
  [[nodiscard]] int64 lasts(pg::moment since) const {
    return since.is_set() ? std::max<int64>((now_ - since).count(), 0) : 0;
  }

  // Takes the lock.
  void examine_server() {
    pg::moment asked{};
    pg::moment starved{};
    pid_t launcher = 0;
    pid_t starter = 0;
    bool unguarded = false;
    uint64 used = 0;
    std::vector<std::pair<Oid, uint64>> owners;
    {
      const state::reading lock(shared_);
      const state::root &r = *shared_.root;
      launcher = r.launcher;
      starter = r.launcher_starter;
      asked = r.launcher_asked;
      starved = r.starved;
      unguarded = r.is_unguarded;
      used = r.memory_used;
      for (const state::owner_entry *o : shared_.owners.entries())
        owners.emplace_back(o->key.role, o->memory_used);
    }
    const bool is_coming = starter != 0 && now_ - asked < launcher_patience;
    if (launcher == 0 && !is_coming)
      add(model::complaint_of_launcher(state::preloaded()), "launcher", {}, InvalidOid, InvalidOid,
          pg::wall_time(asked));
    if (pg::settings::safe_mode())
      add(model::complaint_of_safe_mode(), "server", {}, InvalidOid, InvalidOid, 0);
    if (unguarded) add(model::complaint_of_guard(), "server", {}, InvalidOid, InvalidOid, 0);
    add(model::complaint_of_hunger(lasts(starved)), "launcher", {}, InvalidOid, InvalidOid,
        pg::wall_time(starved));
    add(model::complaint_of_memory(used, pg::settings::memory_limit_bytes(),
                                   pg::settings::memory_limit_name),
        "memory", {}, InvalidOid, InvalidOid, 0);
    for (const auto &[role, taken] : owners) {
      complaint c = model::complaint_of_memory(taken, pg::settings::max_owner_memory_bytes(),
                                               pg::settings::max_owner_memory_name);
      if (c) add(std::move(c), "memory", pg::role_name(role), InvalidOid, InvalidOid, 0);
    }
  }

  // Takes the lock.
  void examine_databases() {
    const int64 patience = pg::settings::provisioning_timeout_milliseconds(true);
    const state::reading lock(shared_);
    for (const state::database_entry *d : shared_.databases.entries()) {
      const Oid database = d->key.database;
      if (d->provisioner != 0 && d->provisioned_extension.bytes[0] != '\0')
        add(model::complaint_of_code(lasts(d->code_since), d->provisioner, patience), "extension",
            d->provisioned_extension.str(), database, database, pg::wall_time(d->code_since));
      if (!d->provisioned && !d->unreachable)
        add(model::complaint_of_visits(d->visits_failed), "database", {}, database, database, 0);
      if (d->under_restore && d->restorers == 0 && waits_in_vain(database))
        add(model::complaint_of_restore(), "database", {}, database, database,
            pg::wall_time(d->restore_began));
    }
  }
  [[nodiscard]] bool waits_in_vain(Oid database) const {
    const auto registered = state::registrations_of(shared_, database);
    return registered && registered->under_restore &&
           !model::ends_with_sessions(*registered->under_restore, shared_.root->boot);
  }

  // Takes the lock.
  void examine_extensions() {
    const state::reading lock(shared_);
    std::vector<Oid> databases;
    if (shared_.root->failed == 0 && shared_.root->quarantined == 0) return;
    for (const state::database_entry *d : shared_.databases.entries())
      databases.push_back(d->key.database);
    for (const model::live_extension &e : state::live_extensions(shared_, databases)) {
      using model::extension_state;
      if (e.state != extension_state::failed && e.state != extension_state::quarantined) continue;
      if (hosted_.count({e.database, e.name}) > 0) continue;
      const state::extension_entry *entry = state::find_extension(shared_, e.database, e.name);
      std::string error;
      if (e.state == extension_state::quarantined)
        error = state::quarantine_reason(shared_, e.database, e.name, {});
      else if (entry != nullptr)
        error = state::view(shared_, entry->error);
      const bool is_known = entry != nullptr && entry->state == e.state;
      add(model::complaint_of({.state = e.state, .name = e.name, .error = error}), "extension",
          e.name, e.database, e.database, is_known ? pg::wall_time(entry->since) : 0);
    }
  }

  // Takes the lock for the workers of one database at a time, and for all global ones.
  void examine_workers() {
    sql::for_workers_shown(shared_, true, [this](const state::worker_entry &e) { examine(e); });
    // reads files and catalogs: not under the lock
    for (const auto &[key, source, role, library] : dubious_) {
      model::worker_condition w{.extension = key.extension.view(), .name = key.name.view()};
      std::string why;
      if (role) {
        w.state = model::worker_state::quarantined;
        why = state::quarantine_reason(*role);
      }
      w.error = why;
      w.stale = library && state::is_stale(*library);
      add(model::complaint_of(w), "worker", key.name.str(), key.home, source, 0);
    }
  }

  void examine(const state::worker_entry &e) {
    using model::worker_state;
    const bool is_passing = e.exited && e.is_leaving();
    if (is_passing || !sql::is_shown(e)) return;
    const bool is_waiting = e.state == worker_state::waiting;
    const pg::moment since = sql::state_since(e);
    model::worker_condition w{.state = e.state, .lasts = lasts(since)};
    w.extension = e.key.extension.view();
    w.name = e.key.name.view();
    if (is_waiting && is_for_place(e.waits_for)) w.waits_for = state::name_of(e.waits_for);
    w.takes_turns = e.hosted;
    w.short_runs = e.unhealthy_runs;
    w.overdue = e.overdue && e.pid != 0 && !e.exited;
    w.failing = is_failing(e);
    if (e.busy) {
      w.runs_for = lasts(e.runs.began);
      w.delays = state::held_up_by(shared_, e, delay_).count;
    }
    w.deadline = e.deadline;
    w.exit_code = e.last_exit_code;
    // only for the few that need one
    std::string error;
    const Oid source = sql::database_of_names(e);
    if (e.state == worker_state::quarantined) {
      error =
          state::quarantine_reason(shared_, e.key.home, e.key.extension.view(), e.key.name.view());
      auto role = error.empty() ? state::quarantine_of_role(shared_, e) : std::nullopt;
      if (role) {
        dubious_.push_back({e.key, source, std::move(role), {}});
        return;
      }
      // belongs to its extension, which is reported itself
      if (error.empty()) return;
    } else if (w.failing || e.state == worker_state::failed || e.state == worker_state::backoff ||
               w.short_runs >= model::most_short_runs) {
      error = state::error_of(shared_, e);
    }
    w.error = error;
    complaint c = model::complaint_of(w);
    if (c) {
      const TimestampTz began = since_of(e, c->since);
      add(std::move(c), "worker", e.key.name.str(), e.key.home, source, began);
    } else if (auto library = state::loaded_file(shared_, e)) {
      dubious_.push_back({e.key, source, {}, std::move(library)});
    }
  }
  // Also between two runs, while it waits for its turn.
  static bool is_failing(const state::worker_entry &e) {
    using model::worker_state;
    return e.hosted && e.runs.failing &&
           (e.state == worker_state::running || e.state == worker_state::waiting);
  }
  static TimestampTz since_of(const state::worker_entry &e, model::origin origin) {
    switch (origin) {
      case model::origin::state: break;
      case model::origin::signal: return pg::wall_time(e.told_at);
      case model::origin::run: return e.runs.began_at;
      case model::origin::failure: return e.runs.last_failed_at;
    }
    return pg::wall_time(sql::state_since(e));
  }

  // Takes the lock.
  void examine_draining() {
    const state::reading lock(shared_);
    for (dsa_pointer p = shared_.root->draining; DsaPointerIsValid(p); p = shared_.at(p)->next) {
      const state::instance *i = shared_.at(p);
      add(model::complaint_of_draining(lasts(i->drained), i->attached), "allocation",
          std::string(i->name()), i->home, i->source, pg::wall_time(i->drained));
    }
  }

  // Takes the lock.
  void examine_hosted() {
    for (const hosting::instance_report &i : hosting::report(shared_)) {
      hosted_.emplace(i.database, i.library);
      model::extension_condition e{.name = i.library, .error = i.error, .is_library = true};
      e.is_refused = i.state == "refused";
      if (i.state == "failed" || e.is_refused) e.state = model::extension_state::failed;
      if (i.state == "quarantined") e.state = model::extension_state::quarantined;
      e.stale = i.stale;
      add(model::complaint_of(e), "library", i.library, i.database, i.source, 0);
    }
  }

  struct dubious_worker {
    state::worker_key key;
    Oid source;
    std::optional<model::suspect> role;
    std::optional<state::loaded_library> library;
  };

  state::shared &shared_;
  const pg::moment now_ = pg::moment::now();
  std::vector<finding> found_;
  std::set<std::pair<Oid, std::string>> hosted_;  // reported as a library
  const pg::duration delay_ = std::chrono::milliseconds(pg::settings::delay_warning_milliseconds());
  std::vector<dubious_worker> dubious_;
};

}  // namespace

// attach(), not use(), which would request a launcher: a missing launcher must be visible
DYNPGEXT_SQL_FUNCTION(dynpgext_health) {
  return pg::entry([=] {
    pg::settings::define();
    const std::vector<finding> all = examination(state::attach()).all();
    std::map<Oid, std::string> names;
    for (const finding &f : all)
      for (const Oid database : {f.database, f.names})
        if (OidIsValid(database) && names.count(database) == 0)
          names[database] = pg::database_name(database);
    sql::result_set rows(fcinfo);
    for (const finding &f : all) {
      rows.text(model::name_of(f.what.level)).text(f.object);
      rows.from(f.names).text_or_null(f.name).from(InvalidOid);
      const bool is_known = OidIsValid(f.database) && !names[f.database].empty();
      is_known ? rows.name(names[f.database]) : rows.null();
      // for objects without a database: where they are registered
      std::string where;
      if (!OidIsValid(f.database) && OidIsValid(f.names) && !names[f.names].empty())
        where = "In database \"" + names[f.names] + "\": ";
      rows.from(f.names).text(f.what.problem).time(f.since).text(where + f.what.remedy).end_row();
    }
    return Datum{0};
  });
}
