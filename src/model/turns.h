// Turns of databases: the launcher handles those that need it, as many as time allows.
//
// The order is that of the longest wait.  But until each has had its turn, none has another one:
// the workers of a large database may always have waited for longest.  And a database that has
// taken long is handled again only after several times its duration: the owner of thousands of
// workers must not keep the launcher from others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "model/registration.h"

namespace dynpgext::model {

// Times and durations in microseconds.
class turns {
 public:
  static constexpr std::int64_t share = 4;

  // `patience`: a turn that takes no longer has no consequence.
  explicit turns(std::int64_t patience) : patience_(patience) {}

  // Moves those that have had their turn behind the others.  T has a member `database`.
  template <class T>
  void order(std::vector<T> &marked) {
    const auto waits = [this](const T &m) { return !done_.contains(m.database); };
    if (std::stable_partition(marked.begin(), marked.end(), waits) == marked.begin()) done_.clear();
  }

  // It has had a turn.
  void note(database_id database, std::int64_t began, std::int64_t duration) {
    done_.insert(database);
    if (duration > patience_) next_[database] = began + share * duration;
  }

  // No database waits any more.
  void end() { done_.clear(); }

  // When it may have its next turn; 0: now.
  [[nodiscard]] std::int64_t next(database_id database, std::int64_t now) {
    const auto found = next_.find(database);
    if (found == next_.end()) return 0;
    if (found->second > now) return found->second;
    next_.erase(found);
    return 0;
  }

 private:
  std::int64_t patience_;
  std::set<database_id> done_;
  std::map<database_id, std::int64_t> next_;
};

}  // namespace dynpgext::model
