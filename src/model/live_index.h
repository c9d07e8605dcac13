// The live state, found by key.
#pragma once

#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "model/live.h"

namespace dynpgext::model {

// Home, extension, name.  Views: the viewed strings must outlive them.
using object_key = std::tuple<database_id, std::string_view, std::string_view>;

[[nodiscard]] inline object_key key_of(const live_worker &w) {
  return {w.home, w.definition.extension, w.definition.name};
}

// Of a live_state, which must outlive it.
class live_index {
 public:
  explicit live_index(const live_state &live) {
    for (const live_worker &w : live.workers) workers_[key_of(w)] = &w;
    for (const live_extension &e : live.extensions)
      extensions_.try_emplace({e.database, e.name}, e.state);
    for (const live_database &d : live.databases) databases_.try_emplace(d.database, &d);
    for (const quarantined_worker &q : live.quarantined)
      quarantined_.insert({q.home, q.extension, q.worker});
    for (const quarantined_role &q : live.quarantined_roles) roles_.insert({q.database, q.role});
  }

  using workers_by_key = std::map<object_key, const live_worker *>;
  [[nodiscard]] const workers_by_key &workers() const { return workers_; }
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
  [[nodiscard]] bool is_quarantined(const object_key &worker) const {
    return quarantined_.count(worker) != 0;
  }
  [[nodiscard]] bool is_quarantined(database_id database, std::uint32_t role) const {
    return roles_.count({database, role}) != 0;
  }

 private:
  workers_by_key workers_;
  std::map<std::pair<database_id, std::string_view>, extension_state> extensions_;
  std::map<database_id, const live_database *> databases_;
  std::set<object_key> quarantined_;
  std::set<std::pair<database_id, std::uint32_t>> roles_;
};

}  // namespace dynpgext::model
