// pg_extension compared with the registered extensions.
#pragma once

#include <string>
#include <vector>

#include "model/registration.h"

namespace dynpgext::model {

// The effect of CREATE, ALTER and DROP EXTENSION, found by comparing pg_extension with the
// registered extensions.
struct installed_extension {
  std::string name;
  std::string version;
  bool changed = false;  // by this transaction
};
enum class change_kind : std::uint8_t { added, updated, removed };
struct extension_change {
  change_kind kind = change_kind::added;
  std::string name;
  std::string version;  // the new one; for a removed extension the old one
};
// With `only_changed`, installed extensions that are not registered count only if this transaction
// wrote them: the others have been checked before.
[[nodiscard]] std::vector<extension_change>
compare_installed(const std::vector<installed_extension> &installed,
                  const std::vector<extension> &registered, bool only_changed);

}  // namespace dynpgext::model
