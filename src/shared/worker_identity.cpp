#include "shared/worker_identity.h"

namespace dynpgext::state {

std::string name_of(const worker_identity &id) {
  return "background worker \"" + id.name + "\" of extension \"" + id.extension + "\"";
}

worker_key key_of(const worker_identity &id) {
  worker_key key{};
  key.home = id.home;
  key.extension.assign(id.extension);
  key.name.assign(id.name);
  return key;
}

worker_identity identity_of(const worker_entry &entry) {
  return {entry.key.home, entry.key.extension.str(), entry.key.name.str()};
}

}  // namespace dynpgext::state
