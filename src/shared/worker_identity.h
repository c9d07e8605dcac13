// The identity of a worker.
#pragma once

#include <string>

#include "shared/root.h"

namespace dynpgext::state {

struct worker_identity {
  Oid home = InvalidOid;
  std::string extension;
  std::string name;
  bool operator==(const worker_identity &) const = default;
};
[[nodiscard]] worker_key key_of(const worker_identity &id);
// For people: background worker "w" of extension "e".
[[nodiscard]] std::string name_of(const worker_identity &id);

[[nodiscard]] worker_identity identity_of(const worker_entry &entry);

}  // namespace dynpgext::state
