#include "model/wanted_workers.h"

#include <algorithm>

#include "model/extensions_by_name.h"
#include "model/version.h"

namespace dynpgext::model {
namespace {

// DBAs' settings for workers, by scope and name.  For a global worker, a setting of any database
// counts: databases of superusers first, then the lowest OID.  The creator of a database can choose
// its OID.
class settings_index {
 public:
  settings_index(const std::vector<desired_database> &desired, const live_index &live) {
    std::vector<const desired_database *> sources;
    for (const desired_database &d : desired)
      if (!d.registrations.settings.empty()) sources.push_back(&d);
    std::sort(sources.begin(), sources.end(), [&live](const auto *a, const auto *b) {
      const bool trusted = live.database(a->database).trusted;
      if (trusted != live.database(b->database).trusted) return trusted;
      return a->database < b->database;
    });
    for (const desired_database *d : sources) add(*d);
  }

  // Each setting individually overrides the author's term.
  [[nodiscard]] worker_terms terms_of(const wanted_worker &w) const {
    const worker &definition = *w.definition;
    worker_settings set;
    const auto found = settings_.find(key_of(w));
    if (found != settings_.end())
      for (const worker_settings *s : found->second) {
        if (!set.enabled) set.enabled = s->enabled;
        if (!set.restart) set.restart = s->restart;
        if (!set.restart_delay) set.restart_delay = s->restart_delay;
        if (!set.run_interval) set.run_interval = s->run_interval;
      }
    return {set.enabled.value_or(true), set.restart.value_or(definition.restart),
            set.restart_delay.value_or(definition.restart_delay),
            definition.hosted ? set.run_interval.value_or(0) : 0};
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

bool is_quarantined(const live_index &live, const wanted_worker &w) {
  if (live.state_of(w.source, w.owner->name) == extension_state::quarantined) return true;
  const auto role = static_cast<std::uint32_t>(w.definition->argument);
  if (w.definition->hosted && live.is_quarantined(w.source, role)) return true;
  return live.is_quarantined(key_of(w));
}

}  // namespace

std::vector<wanted_worker> wanted_workers(const std::vector<desired_database> &desired,
                                          const live_index &live) {
  std::map<object_key, wanted_worker> best;
  for (const desired_database &d : desired) {
    const extensions_by_name owners(d.registrations.extensions);
    for (const worker &w : d.registrations.workers) {
      const extension *owner = owners.find(w.extension);
      if (owner == nullptr) continue;
      wanted_worker candidate{&w, owner, d.database};
      candidate.in_restore = d.registrations.under_restore.has_value();
      const object_key key = key_of(candidate);
      const auto [known, is_new] = best.try_emplace(key, candidate);
      if (!is_new && is_better(candidate, known->second, live.known(key), live))
        known->second = candidate;
    }
  }
  const settings_index settings(desired, live);
  std::vector<wanted_worker> result;
  result.reserve(best.size());
  for (auto &[key, w] : best) {
    w.terms = settings.terms_of(w);
    w.quarantined = is_quarantined(live, w);
    result.push_back(w);
  }
  return result;
}

std::vector<wanted_worker> wanted_workers(const std::vector<desired_database> &desired,
                                          const live_state &live) {
  return wanted_workers(desired, live_index(live));
}

const wanted_worker *find_wanted(std::span<const wanted_worker> wanted, database_id home,
                                 std::string_view extension, std::string_view name) {
  const object_key key{home, extension, name};
  const auto found =
      std::lower_bound(wanted.begin(), wanted.end(), key,
                       [](const wanted_worker &w, const object_key &k) { return key_of(w) < k; });
  return found == wanted.end() || key_of(*found) != key ? nullptr : &*found;
}

}  // namespace dynpgext::model
