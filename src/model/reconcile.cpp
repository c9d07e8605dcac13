#include "model/reconcile.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "model/live_index.h"

namespace dynpgext::model {
namespace {

// Is `wanted` already running?  A global worker outlives the database that registered it as long as
// another one wants the same; except a hosted one, whose process is in one database.
bool is_same(const wanted_worker &wanted, const live_worker &live) {
  if (!same_process(*wanted.definition, live.definition)) return false;
  if (wanted.owner->version != live.version) return false;
  if (wanted.source != live.source) return !wanted.definition->hosted || !is_active(live.state);
  return wanted.owner->incarnation == live.incarnation;
}

// Disabling and quarantining end an existing process, and mark the worker; its state follows its
// extension's updates.
std::optional<action_kind> unless_already(worker_state state, const wanted_worker &wanted,
                                          const live_worker *live) {
  worker_terms known = live == nullptr ? worker_terms{} : live->terms;
  known.enabled = wanted.terms.enabled;
  const bool is_known = live != nullptr && known == wanted.terms && is_same(wanted, *live);
  if (is_known && live->state == state) return std::nullopt;
  return state == worker_state::disabled ? action_kind::disable : action_kind::quarantine;
}

using allocation_key = std::pair<database_id, std::string_view>;

// The databases that register memory, by its home and name.
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
    std::stable_sort(actions_.begin(), actions_.end(), [](const action &a, const action &b) {
      return std::tie(a.kind, a.since) < std::tie(b.kind, b.since);
    });
    return std::move(actions_);
  }

 private:
  void add(action_kind kind, object_kind object, database_id home, std::string_view extension,
           std::string_view name, std::string detail) {
    actions_.push_back(
        {kind, object, home, std::string(extension), std::string(name), std::move(detail)});
  }

  bool concerns(database_id home) const { return home == no_database || home == database_; }

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
    for (const auto &[key, live] : index_.workers()) {
      const auto &[home, extension, name] = key;
      if (concerns(home)) decide_one(key, find_wanted(wanted, home, extension, name), live);
    }
    for (const wanted_worker &w : wanted) {
      const object_key key = key_of(w);
      if (concerns(std::get<0>(key)) && index_.known(key) == nullptr) decide_one(key, &w, nullptr);
    }
  }

  [[nodiscard]] std::int64_t due_since(const live_worker *live) const {
    if (live == nullptr) return now_.time;
    if (live->waits_since != 0) return live->waits_since;
    return live->at_rest || live->state == worker_state::backoff ? live->next_start_at : now_.time;
  }

  void decide_one(const object_key &key, const wanted_worker *wanted, const live_worker *live) {
    const std::optional<action_kind> kind = decide(wanted, live, now_);
    if (!kind) return;
    // a worker at rest has been started, and continues like those with a process
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
    if (*kind == action_kind::configure && wanted->terms.run_interval != 0)
      detail += ", interval " + std::to_string(wanted->terms.run_interval) + " ms";
    if (*kind == action_kind::postpone)
      detail = now_.safe_mode       ? "until dynpgext.safe_mode is off"
               : wanted->in_restore ? "until the restore is over"
               : now_.in_recovery   ? "until recovery has finished"
                                    : "for a standby only";
    if (*kind == action_kind::start && live != nullptr)
      detail = live->at_rest ? "is due" : "was " + std::string(name_of(live->state));
    add(*kind, object_kind::worker, home, extension, name, std::move(detail));
    if (*kind == action_kind::start) actions_.back().since = due_since(live);
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
  live_index index_;  // states of extensions after these actions
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

std::optional<action_kind> decide(const wanted_worker *wanted, const live_worker *live,
                                  const circumstances &now) {
  // Its process is exiting; what is wanted then is decided when it has ended.
  if (live != nullptr && live->leaving) return std::nullopt;
  if (wanted == nullptr) {
    if (live == nullptr) return std::nullopt;
    return action_kind::stop;
  }
  if (wanted->quarantined) return unless_already(worker_state::quarantined, *wanted, live);
  if (!wanted->terms.enabled) return unless_already(worker_state::disabled, *wanted, live);
  const bool misplaced = !runs_here(*wanted->definition, now);
  const bool held = wanted->in_restore || now.safe_mode;
  const bool too_early = misplaced || held;
  const action_kind begin = too_early ? action_kind::postpone : action_kind::start;
  if (live == nullptr) return begin;
  switch (live->state) {
    // enabled again, or released: starts anew
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
  // it existed before, or will return: it yields to the restore
  if (held && (stays || live->state == worker_state::backoff)) return action_kind::postpone;
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
  const bool is_own = !shared && live->source == database;
  // Made by an earlier CREATE EXTENSION of this database; or by SQL with initial content, while the
  // library initialises it now, or the reverse.
  const bool is_old =
      is_own && (live->incarnation != owner.incarnation || live->declared != wanted.declared);
  if (fits && !is_old) return allocation_match::same;
  if (is_old) return allocation_match::replaceable;
  return allocation_match::taken;
}

std::vector<action> reconcile(database_id database, const std::vector<desired_database> &desired,
                              const live_state &live, const circumstances &now) {
  return planner(database, desired, live, now).plan();
}

}  // namespace dynpgext::model
