// Extensions of one database, found by name.
#pragma once

#include <map>
#include <string_view>

#include "model/registration.h"

namespace dynpgext::model {

// Of a list, which must outlive it.
class extensions_by_name {
 public:
  explicit extensions_by_name(const std::vector<extension> &extensions) {
    for (const extension &e : extensions) by_name_.try_emplace(e.name, &e);
  }
  [[nodiscard]] const extension *find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

 private:
  std::map<std::string_view, const extension *> by_name_;
};

}  // namespace dynpgext::model
