#include "shared/owners.h"

namespace dynpgext::state {

owner_entry *owner_of(const shared &s, const database_entry &database) {
  return OidIsValid(database.owner) ? s.owners.find({database.owner}) : nullptr;
}

void change_owner(const shared &s, database_entry &database, Oid owner) {
  if (database.owner == owner) return;
  owner_entry *next = OidIsValid(owner) ? s.owners.insert({owner}) : nullptr;
  if (owner_entry *last = owner_of(s, database)) {
    last->places -= database.places;
    last->memory_used -= database.memory_used;
    if (--last->databases == 0) s.owners.erase({database.owner});
  }
  database.owner = owner;
  if (next == nullptr) return;
  ++next->databases;
  next->places += database.places;
  next->memory_used += database.memory_used;
}

}  // namespace dynpgext::state
