// The registrations of one database, found by key.
#pragma once

#include <map>
#include <string_view>
#include <utility>

#include "model/extensions_by_name.h"

namespace dynpgext::model {

// Of registrations, which must not change.  For several lookups: the search members of
// `registrations` scan everything.
class registration_index {
 public:
  explicit registration_index(const registrations &all) : extensions_(all.extensions) {
    for (const allocation &a : all.allocations) allocations_.try_emplace(a.name, &a);
    for (const worker &w : all.workers) workers_.try_emplace({w.extension, w.name}, &w);
    for (const worker_settings &s : all.settings)
      settings_.try_emplace({s.extension, s.worker}, &s);
  }

  [[nodiscard]] const extension *find_extension(std::string_view name) const {
    return extensions_.find(name);
  }
  [[nodiscard]] const allocation *find_allocation(std::string_view name) const {
    return found(allocations_, name);
  }
  [[nodiscard]] const worker *find_worker(std::string_view extension, std::string_view name) const {
    return found(workers_, std::pair(extension, name));
  }
  [[nodiscard]] const worker_settings *find_settings(std::string_view extension,
                                                     std::string_view worker) const {
    return found(settings_, std::pair(extension, worker));
  }

 private:
  template <class Key, class Value>
  [[nodiscard]] static const Value *found(const std::map<Key, const Value *> &all, const Key &key) {
    const auto it = all.find(key);
    return it == all.end() ? nullptr : it->second;
  }

  using in_extension = std::pair<std::string_view, std::string_view>;
  extensions_by_name extensions_;
  std::map<std::string_view, const allocation *> allocations_;
  std::map<in_extension, const worker *> workers_;
  std::map<in_extension, const worker_settings *> settings_;
};

}  // namespace dynpgext::model
