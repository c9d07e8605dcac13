#include "memory/instances.h"

#include "shared/globals.h"
#include "shared/text.h"

namespace dynpgext::state {

allocation_key key_of(Oid home, const std::string &name) {
  allocation_key key{};
  key.home = home;
  key.name.assign(name);
  return key;
}

model::live_allocation describe(const instance &i) {
  return {
      i.home,    std::string(i.name()), std::string(i.extension()), i.size, i.source, i.incarnation,
      i.declared};
}

local_key local_key_of(const std::string &name) {
  const auto *bytes = reinterpret_cast<const unsigned char *>(name.data());
  return {hash_bytes_extended(bytes, static_cast<int>(name.size()), 0)};
}

allocation_entry *insert_entry(const shared &s, const allocation_key &key) {
  allocation_entry *known = s.allocations.find(key);
  if (known != nullptr) return known;
  if (!OidIsValid(key.home)) {
    known = s.allocations.insert(key);
    try {
      keep_name(s, global_allocation(key.name.str()));
    } catch (...) {
      s.allocations.erase(key);
      throw;
    }
    return known;
  }
  const local_key name = local_key_of(key.name.str());
  local_name *counted = s.local_names.insert(name);
  try {
    known = s.allocations.insert(key);
  } catch (...) {
    if (counted->count == 0) s.local_names.erase(name);
    throw;
  }
  ++counted->count;
  return known;
}

void erase_if_empty(const shared &s, allocation_entry &entry) {
  if (!DsaPointerIsValid(entry.instances) && entry.creator == 0) {
    const allocation_key key = entry.key;
    clear(s, entry.awaited);
    s.allocations.erase(key);
    if (!OidIsValid(key.home)) return forget_name(s, global_allocation(key.name.str()));
    const local_key name = local_key_of(key.name.str());
    local_name *counted = s.local_names.find(name);
    if (--counted->count == 0) s.local_names.erase(name);
  }
}

}  // namespace dynpgext::state
