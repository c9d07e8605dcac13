#include "state/instances.h"

namespace dynpgext::state {

allocation_key key_of(Oid home, const std::string &name) {
  allocation_key key{};
  key.home = home;
  key.name.assign(name);
  return key;
}

model::live_allocation describe(const instance &i) {
  return {i.key.home, i.key.name.str(), i.extension.str(), i.size, i.source, i.incarnation};
}

void erase_if_empty(const shared &s, const allocation_entry &entry) {
  if (!DsaPointerIsValid(entry.instances) && entry.creator == 0) {
    const allocation_key key = entry.key;
    s.allocations.erase(key);
  }
}

}  // namespace dynpgext::state
