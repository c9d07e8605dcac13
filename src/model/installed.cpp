#include "model/installed.h"

#include <set>

#include "model/extensions_by_name.h"

namespace dynpgext::model {

std::vector<extension_change> compare_installed(const std::vector<installed_extension> &installed,
                                                const std::vector<extension> &registered,
                                                bool only_changed) {
  std::vector<extension_change> changes;
  std::set<std::string_view> there;
  for (const installed_extension &i : installed) there.insert(i.name);
  const extensions_by_name known(registered);
  for (const extension &r : registered)
    if (!r.is_library && there.count(r.name) == 0)
      changes.push_back({change_kind::removed, r.name, r.version});
  for (const installed_extension &i : installed) {
    const extension *found = known.find(i.name);
    if (found == nullptr) {
      if (i.changed || !only_changed) changes.push_back({change_kind::added, i.name, i.version});
    } else if (!found->is_library && found->version != i.version) {
      changes.push_back({change_kind::updated, i.name, i.version});
    }
  }
  return changes;
}

}  // namespace dynpgext::model
