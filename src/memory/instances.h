// Common functions for memory: the list of instances of an allocation.  Callers hold root.lock.
#pragma once

#include "model/reconcile.h"
#include "shared/root.h"

namespace dynpgext::state {

[[nodiscard]] allocation_key key_of(Oid home, const std::string &name);
// For the reconciler.
[[nodiscard]] model::live_allocation describe(const instance &i);

// `f` may remove its instance from the list.
template <class F>
void for_each_instance(const shared &s, const allocation_entry &entry, F &&f) {
  for (dsa_pointer p = entry.instances; DsaPointerIsValid(p);) {
    instance *i = s.at(p);
    const dsa_pointer next = i->next;
    f(p, *i);
    p = next;
  }
}

[[nodiscard]] local_key local_key_of(const std::string &name);

// Finds or makes; exclusive lock.
[[nodiscard]] allocation_entry *insert_entry(const shared &s, const allocation_key &key);
// Removes an entry without instances, unless some process is making one.  Exclusive lock.
void erase_if_empty(const shared &s, allocation_entry &entry);

}  // namespace dynpgext::state
