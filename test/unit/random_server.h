// Random servers, as far as the reconciler sees them, and an executor for its plans.
#pragma once

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "samples.h"

namespace dynpgext::model {

using identity = std::tuple<database_id, std::string, std::string>;

inline identity identity_of(const action &a) { return {a.home, a.extension, a.name}; }
inline identity identity_of(const live_worker &w) {
  return {w.home, w.definition.extension, w.definition.name};
}
inline identity identity_of(const wanted_worker &w) {
  return {home_of(w.definition->scope, w.source), w.definition->extension, w.definition->name};
}

// A server as the reconciler sees it, and an executor for its plans.
struct server {
  std::vector<desired_database> desired;
  live_state live;
  circumstances now;

  extension_state &state_of(database_id database, const std::string &name) {
    for (live_extension &e : live.extensions)
      if (e.database == database && e.name == name) return e.state;
    return live.extensions.emplace_back(live_extension{database, name, extension_state::pending})
        .state;
  }

  // Is the extension provisioned whose registration of the worker counts?
  bool is_provisioned(const action &a) {
    for (const wanted_worker &w : wanted_workers(desired, live))
      if (identity_of(w) == identity_of(a))
        return state_of(w.source, a.extension) == extension_state::provisioned;
    return false;
  }

  const desired_database *find(database_id database) const {
    for (const desired_database &d : desired)
      if (d.database == database) return &d;
    return nullptr;
  }

  live_allocation *memory(database_id home, const std::string &name) {
    for (live_allocation &a : live.allocations)
      if (a.home == home && a.name == name) return &a;
    return nullptr;
  }

  live_worker *worker_at(const action &a) {
    for (live_worker &w : live.workers)
      if (identity_of(w) == identity_of(a)) return &w;
    return nullptr;
  }

  bool is_early(const wanted_worker &w) const {
    return now.in_recovery && w.definition->start == now.start_after_recovery;
  }

  // Runs an init: all registrations of the extension, or none; returns whether it succeeded.
  bool provision(database_id database, const std::string &name) {
    const registrations &own = find(database)->registrations;
    const extension &owner = *own.find_extension(name);
    std::vector<live_allocation> made;
    for (const allocation &a : own.allocations) {
      if (a.extension != name) continue;
      const database_id home = home_of(a.scope, database);
      const bool shared = std::any_of(desired.begin(), desired.end(), [&](const auto &d) {
        const allocation *same = d.registrations.find_allocation(a.name);
        return d.database != database && same != nullptr &&
               home_of(same->scope, d.database) == home;
      });
      switch (compare(a, owner, database, memory(home, a.name), shared)) {
        case allocation_match::same: break;
        case allocation_match::taken:
          state_of(database, name) = extension_state::failed;
          return false;
        default: made.push_back({home, a.name, name, a.size, database, owner.incarnation});
      }
    }
    for (const live_allocation &m : made) {
      std::erase_if(live.allocations,
                    [&](const live_allocation &l) { return l.home == m.home && l.name == m.name; });
      live.allocations.push_back(m);
    }
    state_of(database, name) = extension_state::provisioned;
    return true;
  }

  void run(const action &a) {
    const auto wanted = wanted_workers(desired, live);
    const auto want = std::find_if(wanted.begin(), wanted.end(), [&](const wanted_worker &w) {
      return identity_of(w) == identity_of(a);
    });
    if (want == wanted.end()) return;
    live_worker *known = worker_at(a);
    if (a.kind == action_kind::configure) return configure(*known, *want);
    if (a.kind == action_kind::disable || a.kind == action_kind::quarantine) {
      if (known == nullptr) known = &live.workers.emplace_back();
      *known = made_for(a, *want);
      known->terms.enabled = true;  // disabling is a state, not a term
      known->state =
          a.kind == action_kind::disable ? worker_state::disabled : worker_state::quarantined;
      return;
    }
    if (state_of(want->source, a.extension) != extension_state::provisioned) return;
    if (known == nullptr) known = &live.workers.emplace_back();
    *known = made_for(a, *want);
  }

  live_worker made_for(const action &a, const wanted_worker &w) const {
    live_worker fresh;
    fresh.home = a.home;
    fresh.definition = *w.definition;
    fresh.version = w.owner->version;
    fresh.source = w.source;
    fresh.incarnation = w.owner->incarnation;
    fresh.state = is_early(w) ? worker_state::waiting : worker_state::running;
    fresh.terms = w.terms;
    return fresh;
  }

  // A scheduled restart is decided again.
  void configure(live_worker &known, const wanted_worker &w) const {
    known.terms = w.terms;
    if (known.state != worker_state::backoff) return;
    if (restarts(w.terms.restart, true))
      known.next_start_at = now.time + 1;
    else
      known.state = worker_state::failed;
  }

  void carry_out(database_id where, std::vector<action> plan) {
    bool all_succeeded = true;
    for (const action &a : plan) {
      if (a.kind == action_kind::provision)
        all_succeeded = provision(a.home, a.name) && all_succeeded;
      if (a.kind == action_kind::drain)
        std::erase_if(live.allocations, [&](const live_allocation &l) {
          return l.home == a.home && l.name == a.name;
        });
    }
    // workers come after all inits, and depend on their results
    if (!all_succeeded) {
      circumstances then = now;
      then.workers_only = true;
      plan = reconcile(where, desired, live, then);
    }
    for (const action &a : plan) {
      if (a.object != object_kind::worker) continue;
      if (a.kind == action_kind::stop)
        std::erase_if(live.workers,
                      [&](const live_worker &w) { return identity_of(w) == identity_of(a); });
      else
        run(a);
    }
  }
};

class generator {
 public:
  explicit generator(std::uint64_t seed) : random_(seed) {}

  server make() {
    server s;
    s.now.in_recovery = one_in(4);
    s.now.retry_failed = one_in(4);
    s.now.replace_stale = one_in(4);
    s.now.time = 2;
    for (database_id d = 1; d <= 3; ++d)
      if (!one_in(4)) s.desired.push_back(database(d));
    for (const database_id home : {0u, 1u, 2u, 3u, 4u}) add_live(s, home);
    for (database_id d = 1; d <= 4; ++d)
      for (const char *name : names_)
        if (!one_in(3))
          s.live.extensions.push_back({d, name, static_cast<extension_state>(below(5))});
    for (std::uint64_t n = below(4); n > 0; --n)
      s.live.quarantined.push_back({static_cast<database_id>(below(5)), any_name(), any_name()});
    return s;
  }

  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

 private:
  // few values of each, so that they often coincide
  scope any_scope() { return one_in(2) ? scope::global : scope::database; }
  std::string any_name() { return names_[below(3)]; }
  std::string any_version() { return one_in(2) ? "1.0" : "1.1"; }
  std::int64_t any_incarnation() { return static_cast<std::int64_t>(below(3)); }
  std::uint64_t any_size() { return one_in(5) ? 128 : 64; }

  worker any_worker(const std::string &extension, const std::string &name, scope where) {
    worker w = samples::worker_of(extension, name, where);
    if (one_in(4)) w.function = "other";
    if (one_in(3)) w.start = 1;
    if (one_in(3)) w.restart = any_policy();
    return w;
  }

  restart_policy any_policy() { return static_cast<restart_policy>(below(3)); }

  worker_settings any_settings(const std::string &extension, const std::string &name) {
    worker_settings set;
    set.extension = extension;
    set.worker = name;
    if (one_in(2)) set.enabled = one_in(2);
    if (one_in(3)) set.restart = any_policy();
    if (one_in(3)) set.restart_delay = any_delay();
    if (one_in(3)) set.run_interval = 1 + any_delay();
    return set;
  }

  std::int64_t any_delay() { return one_in(2) ? default_restart_delay : 5; }

  desired_database database(database_id id) {
    desired_database d;
    d.database = id;
    registrations &r = d.registrations;
    for (const char *name : names_)
      if (!one_in(3))
        r.extensions.push_back(samples::extension_of(name, any_version(), any_incarnation()));
    for (const extension &e : r.extensions)
      for (const char *name : names_) {
        // within a database, a name of memory belongs to one extension
        if (one_in(2) && r.find_allocation(name) == nullptr)
          r.allocations.push_back(samples::allocation_of(e.name, name, any_scope(), any_size()));
        if (one_in(2)) r.workers.push_back(any_worker(e.name, name, any_scope()));
        if (one_in(4)) r.settings.push_back(any_settings(e.name, name));
      }
    return d;
  }

  void add_live(server &s, database_id home) {
    for (const char *name : names_) {
      const database_id source = home != 0 ? home : static_cast<database_id>(1 + below(4));
      if (one_in(2))
        s.live.allocations.push_back(
            {home, name, any_name(), any_size(), source, any_incarnation()});
      for (const char *extension : names_)
        if (one_in(3)) s.live.workers.push_back(any_live(extension, name, home, source));
    }
  }

  live_worker any_live(const std::string &extension, const std::string &name, database_id home,
                       database_id source) {
    live_worker w;
    w.home = home;
    w.definition = any_worker(extension, name, home == 0 ? scope::global : scope::database);
    w.version = any_version();
    w.source = source;
    w.incarnation = any_incarnation();
    w.state = samples::all_worker_states[below(std::size(samples::all_worker_states))];
    w.leaving = one_in(6);
    w.terms = {true, any_policy(), any_delay()};
    w.next_start_at = static_cast<std::int64_t>(below(5));
    w.stale = one_in(3);
    return w;
  }

  std::mt19937_64 random_;
  const char *names_[3] = {"a", "b", "c"};
};

}  // namespace dynpgext::model
