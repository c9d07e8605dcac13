#include "shared/owners.h"

namespace dynpgext::state {

owner_entry *owner_of(const shared &s, const database_entry &database) {
  return find_owner(s, database.owner);
}

owner_entry *find_owner(const shared &s, Oid role) {
  return OidIsValid(role) ? s.owners.find({role}) : nullptr;
}

void change_owner(const shared &s, database_entry &database, Oid owner) {
  if (database.owner == owner) return;
  if (OidIsValid(owner)) ++s.owners.insert({owner})->databases;
  if (owner_entry *last = owner_of(s, database)) {
    --last->databases;
    forget_if_unused(s, *last);
  }
  database.owner = owner;
}

void forget_if_unused(const shared &s, const owner_entry &owner) {
  const owner_key key = owner.key;
  if (owner.databases == 0 && owner.places == 0 && owner.memory_used == 0) s.owners.erase(key);
}

}  // namespace dynpgext::state
