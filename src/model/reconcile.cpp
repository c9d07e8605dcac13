#include "model/reconcile.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <tuple>

#include "model/version.h"

namespace dynpgext::model {
namespace {

using worker_key = std::tuple<database_id, std::string, std::string>;

worker_key key_of(const live_worker &w) {
  return {w.home, w.definition.extension, w.definition.name};
}

// Is `wanted` what runs already?  A global worker outlives the database that registered it
// as long as another one wants the same; but one that is hosted, whose process is in one database.
bool is_same(const wanted_worker &wanted, const live_worker &live) {
  if (!same_process(*wanted.definition, live.definition)) return false;
  if (wanted.owner->version != live.version) return false;
  if (wanted.source != live.source) return !wanted.definition->hosted || !is_active(live.state);
  return wanted.owner->incarnation == live.incarnation;
}

using extension_key = std::pair<database_id, std::string_view>;
using object_key = std::tuple<database_id, std::string_view, std::string_view>;

// What is live, by key.
class live_index {
 public:
  explicit live_index(const live_state &live) {
    for (const live_worker &w : live.workers) workers_[object_key_of(w)] = &w;
    for (const live_extension &e : live.extensions)
      extensions_.try_emplace({e.database, e.name}, e.state);
    for (const live_database &d : live.databases) databases_.try_emplace(d.database, &d);
    for (const quarantined_worker &q : live.quarantined)
      quarantined_.insert({q.home, q.extension, q.worker});
    for (const quarantined_role &q : live.quarantined_roles) roles_.insert({q.database, q.role});
  }

  [[nodiscard]] const live_worker *known(const object_key &key) const {
    const auto found = workers_.find(key);
    return found == workers_.end() ? nullptr : found->second;
  }
  [[nodiscard]] extension_state state_of(database_id database, std::string_view extension) const {
    const auto found = extensions_.find({database, extension});
    return found == extensions_.end() ? extension_state::pending : found->second;
  }
  void set_state(database_id database, std::string_view extension, extension_state state) {
    extensions_[{database, extension}] = state;
  }
  [[nodiscard]] const live_database &database(database_id id) const {
    static const live_database nothing;
    const auto found = databases_.find(id);
    return found == databases_.end() ? nothing : *found->second;
  }
  [[nodiscard]] bool is_quarantined(const wanted_worker &w) const {
    const worker &definition = *w.definition;
    if (state_of(w.source, w.owner->name) == extension_state::quarantined) return true;
    if (definition.hosted &&
        roles_.count({w.source, static_cast<std::uint32_t>(definition.argument)}) != 0)
      return true;
    return quarantined_.count(
               {home_of(definition.scope, w.source), definition.extension, definition.name}) != 0;
  }

 private:
  static object_key object_key_of(const live_worker &w) {
    return {w.home, w.definition.extension, w.definition.name};
  }

  std::map<object_key, const live_worker *> workers_;
  std::map<extension_key, extension_state> extensions_;
  std::map<database_id, const live_database *> databases_;
  std::set<object_key> quarantined_;
  std::set<std::pair<database_id, std::uint32_t>> roles_;
};

using extensions_by_name = std::map<std::string_view, const extension *>;

extensions_by_name by_name(const std::vector<extension> &extensions) {
  extensions_by_name found;
  for (const extension &e : extensions) found.try_emplace(e.name, &e);
  return found;
}

const extension *find(const extensions_by_name &all, const std::string &name) {
  const auto found = all.find(name);
  return found == all.end() ? nullptr : found->second;
}

// What DBAs have set for workers, by scope and name: of a global one in any database, that with the
// lowest OID first.
class settings_index {
 public:
  explicit settings_index(const std::vector<desired_database> &desired) {
    std::vector<const desired_database *> sources;
    for (const desired_database &d : desired)
      if (!d.registrations.settings.empty()) sources.push_back(&d);
    std::sort(sources.begin(), sources.end(),
              [](const auto *a, const auto *b) { return a->database < b->database; });
    for (const desired_database *d : sources) add(*d);
  }

  // Each item by itself overrides what the author says.
  [[nodiscard]] worker_terms terms_of(const wanted_worker &w) const {
    const worker &definition = *w.definition;
    worker_settings set;
    const auto found = settings_.find(
        {home_of(definition.scope, w.source), definition.extension, definition.name});
    if (found != settings_.end())
      for (const worker_settings *s : found->second) {
        if (!set.enabled) set.enabled = s->enabled;
        if (!set.restart) set.restart = s->restart;
        if (!set.restart_delay) set.restart_delay = s->restart_delay;
      }
    return {set.enabled.value_or(true), set.restart.value_or(definition.restart),
            set.restart_delay.value_or(definition.restart_delay)};
  }

 private:
  void add(const desired_database &d) {
    std::map<std::pair<std::string_view, std::string_view>, scope> scopes;
    for (const worker &w : d.registrations.workers)
      scopes.try_emplace({w.extension, w.name}, w.scope);
    for (const worker_settings &s : d.registrations.settings) {
      const auto registered = scopes.find({s.extension, s.worker});
      if (registered == scopes.end()) continue;
      settings_[{home_of(registered->second, d.database), s.extension, s.worker}].push_back(&s);
    }
  }

  std::map<object_key, std::vector<const worker_settings *>> settings_;
};

bool can_run(const live_index &live, const wanted_worker &w) {
  const extension_state state = live.state_of(w.source, w.owner->name);
  if (w.in_restore || state == extension_state::failed || state == extension_state::quarantined)
    return false;
  const live_database &database = live.database(w.source);
  const auto &paused = database.paused;
  if (std::find(paused.begin(), paused.end(), w.owner->name) != paused.end()) return false;
  return !w.definition->hosted || !database.closed;
}

bool is_better(const wanted_worker &a, const wanted_worker &b, const live_worker *running,
               const live_index &live) {
  if (can_run(live, a) != can_run(live, b)) return can_run(live, a);
  const auto order = compare_versions(a.owner->version, b.owner->version);
  if (order != 0) return order > 0;
  const auto is_safe = [&](const wanted_worker &w) {
    return w.definition->hosted && live.database(w.source).trusted;
  };
  if (is_safe(a) != is_safe(b)) return is_safe(a);
  if (running != nullptr && (a.source == running->source) != (b.source == running->source))
    return a.source == running->source;
  return a.source < b.source;
}

std::vector<wanted_worker> wanted_workers(const std::vector<desired_database> &desired,
                                          const live_index &live) {
  std::map<object_key, wanted_worker> best;
  for (const desired_database &d : desired) {
    const extensions_by_name owners = by_name(d.registrations.extensions);
    for (const worker &w : d.registrations.workers) {
      const extension *owner = find(owners, w.extension);
      if (owner == nullptr) continue;
      wanted_worker candidate{&w, owner, d.database};
      candidate.in_restore = d.registrations.under_restore.has_value();
      const object_key key{home_of(w.scope, d.database), w.extension, w.name};
      const auto [known, is_new] = best.try_emplace(key, candidate);
      if (!is_new && is_better(candidate, known->second, live.known(key), live))
        known->second = candidate;
    }
  }
  const settings_index settings(desired);
  std::vector<wanted_worker> result;
  result.reserve(best.size());
  for (auto &[key, w] : best) {
    w.terms = settings.terms_of(w);
    w.quarantined = live.is_quarantined(w);
    result.push_back(w);
  }
  return result;
}

// Disabling and quarantining end a process that is there, and mark the worker; what is known of it
// follows its extension's updates.
std::optional<action_kind> unless_already(worker_state state, const wanted_worker &wanted,
                                          const live_worker *live) {
  const bool is_known = live != nullptr && live->terms.restart == wanted.terms.restart &&
                        live->terms.restart_delay == wanted.terms.restart_delay &&
                        is_same(wanted, *live);
  if (is_known && live->state == state) return std::nullopt;
  return state == worker_state::disabled ? action_kind::disable : action_kind::quarantine;
}

using allocation_key = std::pair<database_id, std::string_view>;

// Which databases register memory, by its home and name.
class allocation_index {
 public:
  explicit allocation_index(const std::vector<desired_database> &desired) {
    for (const desired_database &d : desired)
      for (const allocation &a : d.registrations.allocations)
        holders_[{home_of(a.scope, d.database), a.name}].push_back(d.database);
  }
  [[nodiscard]] bool is_held(const live_allocation &a) const {
    return holders_.count({a.home, a.name}) != 0;
  }
  [[nodiscard]] bool is_held_elsewhere(const allocation_key &key, database_id database) const {
    const auto found = holders_.find(key);
    return found != holders_.end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [=](database_id holder) { return holder != database; });
  }

 private:
  std::map<allocation_key, std::vector<database_id>> holders_;
};

const registrations *registrations_of(const std::vector<desired_database> &desired,
                                      database_id database) {
  for (const desired_database &d : desired)
    if (d.database == database) return &d.registrations;
  return nullptr;
}

class planner {
 public:
  planner(database_id database, const std::vector<desired_database> &desired,
          const live_state &live, const circumstances &now)
      : database_(database),
        desired_(desired),
        live_(live),
        now_(now),
        index_(live),
        allocations_(desired) {}

  std::vector<action> plan() {
    drain_allocations();
    if (!now_.workers_only) provision_extensions();
    plan_workers();
    std::stable_sort(actions_.begin(), actions_.end(),
                     [](const action &a, const action &b) { return a.kind < b.kind; });
    return std::move(actions_);
  }

 private:
  void add(action_kind kind, object_kind object, database_id home, const std::string &extension,
           const std::string &name, std::string detail) {
    actions_.push_back({kind, object, home, extension, name, std::move(detail)});
  }

  bool concerns(database_id home) const {
    return home == no_database || home == database_ || database_ == every_database;
  }

  static bool needs_provisioning(action_kind kind) {
    return kind == action_kind::replace || kind == action_kind::start ||
           kind == action_kind::postpone;
  }

  bool is_ready(const wanted_worker &w) const {
    return index_.state_of(w.source, w.owner->name) == extension_state::provisioned;
  }

  void drain_allocations() {
    for (const live_allocation &a : live_.allocations) {
      if (concerns(a.home) && !allocations_.is_held(a))
        add(action_kind::drain, object_kind::allocation, a.home, a.extension, a.name,
            "no longer registered");
    }
  }

  void plan_workers() {
    const std::vector<wanted_worker> wanted = wanted_workers(desired_, index_);
    std::map<worker_key, const wanted_worker *> by_key;
    for (const wanted_worker &w : wanted)
      by_key[{home_of(w.definition->scope, w.source), w.definition->extension,
              w.definition->name}] = &w;
    std::map<worker_key, const live_worker *> known;
    for (const live_worker &w : live_.workers) known[key_of(w)] = &w;
    for (const auto &[key, live] : known)
      if (concerns(std::get<0>(key))) {
        const auto found = by_key.find(key);
        decide_one(key, found == by_key.end() ? nullptr : found->second, live);
      }
    for (const auto &[key, want] : by_key)
      if (concerns(std::get<0>(key)) && known.count(key) == 0) decide_one(key, want, nullptr);
  }

  void decide_one(const worker_key &key, const wanted_worker *wanted, const live_worker *live) {
    const std::optional<action_kind> kind = decide(wanted, live, now_);
    if (!kind) return;
    // one at rest has been started, and goes on as those do that have a process
    const bool goes_on = live != nullptr && live->at_rest && *kind == action_kind::start;
    if (needs_provisioning(*kind) && !goes_on && !is_ready(*wanted)) return;
    const auto &[home, extension, name] = key;
    std::string detail;
    if (*kind == action_kind::stop) detail = "no longer registered";
    if (*kind == action_kind::replace)
      detail = is_same(*wanted, *live) ? "the file of its library has changed"
                                       : "version " + wanted->owner->version;
    if (*kind == action_kind::disable) detail = "by configure_worker()";
    if (*kind == action_kind::quarantine) detail = "until release()";
    if (*kind == action_kind::configure)
      detail = "restart " + std::string(name_of(wanted->terms.restart)) + ", delay " +
               std::to_string(wanted->terms.restart_delay) + " ms";
    if (*kind == action_kind::postpone)
      detail = wanted->in_restore ? "until the restore is over"
               : now_.in_recovery ? "until recovery has finished"
                                  : "for a standby only";
    if (*kind == action_kind::start && live != nullptr)
      detail = live->at_rest ? "is due" : "was " + std::string(name_of(live->state));
    add(*kind, object_kind::worker, home, extension, name, std::move(detail));
    if (live == nullptr) return;
    actions_.back().ticket = live->ticket;
    actions_.back().waits = *kind == action_kind::start && live->state == worker_state::waiting;
  }

  void provision_extensions() {
    const registrations *own = registrations_of(desired_, database_);
    if (own == nullptr) return;
    std::map<std::string_view, const live_allocation *> global;
    std::map<std::string_view, const live_allocation *> local;
    for (const live_allocation &l : live_.allocations) {
      if (l.home == no_database) global.try_emplace(l.name, &l);
      if (l.home == database_) local.try_emplace(l.name, &l);
    }
    std::map<std::string_view, std::vector<const allocation *>> by_extension;
    for (const allocation &a : own->allocations) by_extension[a.extension].push_back(&a);
    for (const extension &e : own->extensions) {
      const extension_state state = index_.state_of(database_, e.name);
      if (state == extension_state::quarantined) continue;
      if (state == extension_state::failed && !now_.retry_failed) continue;
      bool incomplete = false;
      for (const allocation *a : by_extension[e.name]) {
        const auto &there = a->scope == scope::global ? global : local;
        const auto live = there.find(a->name);
        if (allocate(*a, e, live == there.end() ? nullptr : live->second)) incomplete = true;
      }
      if (!incomplete && state == extension_state::provisioned) continue;
      index_.set_state(database_, e.name, extension_state::provisioned);
      add(action_kind::provision, object_kind::extension, database_, e.name, e.name,
          "version " + e.version);
    }
  }

  // Is it missing?
  bool allocate(const allocation &a, const extension &e, const live_allocation *live) {
    const database_id home = home_of(a.scope, database_);
    const bool shared = allocations_.is_held_elsewhere({home, a.name}, database_);
    const allocation_match match = compare(a, e, database_, live, shared);
    if (match == allocation_match::same) return false;
    add(match == allocation_match::replaceable ? action_kind::replace : action_kind::allocate,
        object_kind::allocation, home, e.name, a.name, std::to_string(a.size) + " bytes");
    return true;
  }

  database_id database_;
  const std::vector<desired_database> &desired_;
  const live_state &live_;
  const circumstances &now_;
  live_index index_;  // states of extensions as these actions leave them
  allocation_index allocations_;
  std::vector<action> actions_;
};

}  // namespace

std::string_view name_of(action_kind kind) {
  switch (kind) {
    case action_kind::stop: return "stop";
    case action_kind::replace: return "replace";
    case action_kind::disable: return "disable";
    case action_kind::quarantine: return "quarantine";
    case action_kind::drain: return "drain";
    case action_kind::provision: return "provision";
    case action_kind::allocate: return "allocate";
    case action_kind::configure: return "configure";
    case action_kind::start: return "start";
    case action_kind::postpone: return "postpone";
  }
  return "unknown";
}

std::string_view name_of(object_kind kind) {
  switch (kind) {
    case object_kind::extension: return "extension";
    case object_kind::allocation: return "allocation";
    case object_kind::worker: return "worker";
  }
  return "unknown";
}

bool runs_here(const worker &w, const circumstances &now) {
  switch (w.role) {
    case server_role::primary: return !now.in_recovery;
    case server_role::standby: return now.in_recovery;
    case server_role::both: return true;
    case server_role::by_start_time: break;
  }
  return !now.in_recovery || w.start != now.start_after_recovery;
}

std::vector<wanted_worker> wanted_workers(const std::vector<desired_database> &desired,
                                          const live_state &live) {
  return wanted_workers(desired, live_index(live));
}

std::optional<action_kind> decide(const wanted_worker *wanted, const live_worker *live,
                                  const circumstances &now) {
  // Its process is on the way out; what is wanted then is decided when it has gone.
  if (live != nullptr && live->leaving) return std::nullopt;
  if (wanted == nullptr) {
    if (live == nullptr) return std::nullopt;
    return action_kind::stop;
  }
  if (wanted->quarantined) return unless_already(worker_state::quarantined, *wanted, live);
  if (!wanted->terms.enabled) return unless_already(worker_state::disabled, *wanted, live);
  const bool misplaced = !runs_here(*wanted->definition, now);
  const bool too_early = misplaced || wanted->in_restore;
  const action_kind begin = too_early ? action_kind::postpone : action_kind::start;
  if (live == nullptr) return begin;
  switch (live->state) {
    // enabled again, or released: begins anew
    case worker_state::disabled:
    case worker_state::quarantined: return begin;
    default: break;
  }
  if (!is_same(*wanted, *live))
    return too_early && !is_active(live->state) ? action_kind::postpone : action_kind::replace;
  if (live->state == worker_state::registered) return begin;
  // promoted: one for standbys ends, or is not restarted
  const bool promoted = misplaced && wanted->definition->role != server_role::by_start_time;
  if (promoted && (is_active(live->state) || live->state == worker_state::backoff))
    return action_kind::postpone;
  const bool stays = is_active(live->state) && live->state != worker_state::stopping;
  // it was there before, or is to come back: it makes room for the restore
  if (wanted->in_restore && (stays || live->state == worker_state::backoff))
    return action_kind::postpone;
  if (live->state == worker_state::waiting) {
    if (too_early) return std::nullopt;
    return action_kind::start;
  }
  if (stays && live->stale && now.replace_stale) return action_kind::replace;
  const bool retry = now.retry_failed && !too_early;
  if (retry && (live->state == worker_state::failed || live->state == worker_state::backoff))
    return action_kind::start;
  if (wanted->terms != live->terms) return action_kind::configure;
  const bool comes_back = live->at_rest || live->state == worker_state::backoff;
  if (comes_back && live->next_start_at <= now.time && !too_early) return action_kind::start;
  return std::nullopt;
}

allocation_match compare(const allocation &wanted, const extension &owner, database_id database,
                         const live_allocation *live, bool shared) {
  if (live == nullptr) return allocation_match::missing;
  const bool fits = live->size == wanted.size && live->extension == wanted.extension;
  if (fits && (shared || live->source != database || live->incarnation == owner.incarnation))
    return allocation_match::same;
  // Made by an earlier CREATE EXTENSION of this database, and nobody else has it.
  if (!shared && live->source == database && live->incarnation != owner.incarnation)
    return allocation_match::replaceable;
  return allocation_match::taken;
}

std::vector<action> reconcile(database_id database, const std::vector<desired_database> &desired,
                              const live_state &live, const circumstances &now) {
  return planner(database, desired, live, now).plan();
}

std::vector<extension_change> compare_installed(const std::vector<installed_extension> &installed,
                                                const std::vector<extension> &registered,
                                                bool only_changed) {
  std::vector<extension_change> changes;
  std::set<std::string_view> there;
  for (const installed_extension &i : installed) there.insert(i.name);
  const extensions_by_name known = by_name(registered);
  for (const extension &r : registered)
    if (there.count(r.name) == 0) changes.push_back({change_kind::removed, r.name, r.version});
  for (const installed_extension &i : installed) {
    const extension *found = find(known, i.name);
    if (found == nullptr) {
      if (i.changed || !only_changed) changes.push_back({change_kind::added, i.name, i.version});
    } else if (found->version != i.version) {
      changes.push_back({change_kind::updated, i.name, i.version});
    }
  }
  return changes;
}

}  // namespace dynpgext::model
