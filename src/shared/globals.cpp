#include "shared/globals.h"

#include "model/encoding.h"

namespace dynpgext::state {
namespace {

global_key key_of(const global_name &name) {
  global_key key;
  std::memset(&key, 0, sizeof key);  // it is compared as bytes
  key.kind = static_cast<uint32>(name.kind);
  key.extension.assign(name.extension);
  key.name.assign(name.name);
  return key;
}

global_name name_of(const global_key &key) {
  return {static_cast<model::object_kind>(key.kind), key.extension.str(), key.name.str()};
}

global_holder *holder_at(const shared &s, dsa_pointer p) {
  return pg::address<global_holder>(s.area, p);
}

// Only the extension and its registration of this name.
model::registrations part_of(const model::registrations &all, const std::string &extension) {
  model::registrations part;
  part.under_restore = all.under_restore;
  if (const model::extension *owner = all.find_extension(extension))
    part.extensions.push_back(*owner);
  return part;
}

// If no database holds it, and none is about to.
void erase_if_unused(const shared &s, const global_entry &entry) {
  const global_key key = entry.key;
  if (!DsaPointerIsValid(entry.holders) && entry.expected == 0 && !entry.is_live)
    s.globals.erase(key);
}

void unlink(const shared &s, dsa_pointer pointer) {
  const global_holder *holder = holder_at(s, pointer);
  const global_key key = holder->key;
  global_entry *entry = s.globals.find(key);
  global_holder *previous =
      DsaPointerIsValid(holder->previous) ? holder_at(s, holder->previous) : nullptr;
  global_holder *next = DsaPointerIsValid(holder->next) ? holder_at(s, holder->next) : nullptr;
  if (previous != nullptr)
    previous->next = holder->next;
  else if (entry != nullptr)
    entry->holders = holder->next;
  if (next != nullptr) next->previous = holder->previous;
  pg::release(s.area, pointer);
  erase_if_unused(s, *entry);
}

void link(const shared &s, dsa_pointer pointer) {
  global_holder *holder = holder_at(s, pointer);
  global_entry *entry = s.globals.find(holder->key);
  global_holder *next = DsaPointerIsValid(entry->holders) ? holder_at(s, entry->holders) : nullptr;
  // nothing fails from here on
  holder->previous = InvalidDsaPointer;
  holder->next = entry->holders;
  if (next != nullptr) next->previous = pointer;
  entry->holders = pointer;
  --entry->expected;
}

}  // namespace

global_name global_allocation(std::string name) {
  return {model::object_kind::allocation, {}, std::move(name)};
}

global_name global_worker(std::string extension, std::string name) {
  return {model::object_kind::worker, std::move(extension), std::move(name)};
}

global_names globals_of(const model::registrations &registered) {
  global_names names;
  for (const model::allocation &a : registered.allocations)
    if (a.scope == model::scope::global) names.insert(global_allocation(a.name));
  for (const model::worker &w : registered.workers)
    if (w.scope == model::scope::global) names.insert(global_worker(w.extension, w.name));
  return names;
}

global_holdings::global_holdings(shared &s, Oid database, const model::registrations &wanted)
    : shared_(s), database_(database), touched_(globals_of(wanted)) {
  for (const model::allocation &a : wanted.allocations) {
    if (a.scope != model::scope::global) continue;
    model::registrations part = part_of(wanted, a.extension);
    part.allocations.push_back(a);
    add(global_allocation(a.name), part);
  }
  for (const model::worker &w : wanted.workers) {
    if (w.scope != model::scope::global) continue;
    model::registrations part = part_of(wanted, w.extension);
    part.workers.push_back(w);
    if (const auto *set = wanted.find_settings(w.extension, w.name)) part.settings.push_back(*set);
    add(global_worker(w.extension, w.name), part);
  }
  const exclusive lock(s);
  try {
    for (const auto &made : made_) {
      ++s.globals.insert(holder_at(s, made->pointer())->key)->expected;
      ++expected_;
    }
    if (const database_entry *entry = s.databases.find({database}))
      for (dsa_pointer p = entry->holdings; DsaPointerIsValid(p);
           p = holder_at(s, p)->next_of_database)
        touched_.insert(name_of(holder_at(s, p)->key));
  } catch (...) {
    give_up();
    throw;
  }
}

global_holdings::~global_holdings() {
  if (expected_ == 0) return;
  (void)pg::swallow("discarding an unfinished publication", [this] {
    const exclusive lock(shared_);
    give_up();
  });
}

void global_holdings::give_up() {
  for (; expected_ > 0; --expected_) {
    const dsa_pointer made = made_[expected_ - 1]->pointer();
    global_entry *entry = shared_.globals.find(holder_at(shared_, made)->key);
    --entry->expected;
    erase_if_unused(shared_, *entry);
  }
}

void global_holdings::add(const global_name &name, const model::registrations &part) {
  const std::string encoded = model::encode(part);
  const size_t size = offsetof(global_holder, bytes) + encoded.size();
  auto memory = std::make_unique<pg::allocation>(shared_.area, size);
  if (!*memory)
    throw pg::error(ERRCODE_OUT_OF_MEMORY, "dynpgext: no shared memory for the registrations",
                    memory->refusal());
  global_holder *holder = holder_at(shared_, memory->pointer());
  holder->key = key_of(name);
  holder->database = database_;
  holder->size = static_cast<uint32>(encoded.size());
  std::memcpy(holder->bytes, encoded.data(), encoded.size());
  made_.push_back(std::move(memory));
  bytes_ += size;
}

void global_holdings::publish(database_entry &entry) {
  dsa_pointer old = std::exchange(entry.holdings, InvalidDsaPointer);
  for (const auto &made : made_) {
    const dsa_pointer pointer = made->keep();
    link(shared_, pointer);
    holder_at(shared_, pointer)->next_of_database = std::exchange(entry.holdings, pointer);
  }
  expected_ = 0;
  // afterwards: a name that stays keeps its entry
  while (DsaPointerIsValid(old)) {
    const dsa_pointer next = holder_at(shared_, old)->next_of_database;
    unlink(shared_, old);
    old = next;
  }
}

global_names all_globals(const shared &s) {
  global_names names;
  for (const global_entry *entry : s.globals.entries()) names.insert(name_of(entry->key));
  return names;
}

void keep_name(const shared &s, const global_name &name) {
  s.globals.insert(key_of(name))->is_live = true;
}

void forget_name(const shared &s, const global_name &name) {
  global_entry *entry = s.globals.find(key_of(name));
  entry->is_live = false;
  erase_if_unused(s, *entry);
}

std::vector<model::desired_database> holders_of(const shared &s, const global_name &name) {
  std::vector<model::desired_database> found;
  const global_entry *entry = s.globals.find(key_of(name));
  if (entry == nullptr) return found;
  for (dsa_pointer p = entry->holders; DsaPointerIsValid(p); p = holder_at(s, p)->next) {
    const global_holder *holder = holder_at(s, p);
    auto part = model::decode({holder->bytes, holder->size});
    if (!part)
      throw pg::error(ERRCODE_DATA_CORRUPTED, "dynpgext: registrations of database " +
                                                  std::to_string(holder->database) +
                                                  " in shared memory are damaged");
    found.push_back({holder->database, std::move(*part)});
  }
  return found;
}

Oid some_holder_of(const shared &s, const global_name &name) {
  const global_entry *entry = s.globals.find(key_of(name));
  if (entry == nullptr || !DsaPointerIsValid(entry->holders)) return InvalidOid;
  return holder_at(s, entry->holders)->database;
}

std::set<Oid> databases_of(const shared &s, const global_names &names) {
  std::set<Oid> databases;
  for (const global_name &name : names) {
    const global_entry *entry = s.globals.find(key_of(name));
    if (entry == nullptr) continue;
    for (dsa_pointer p = entry->holders; DsaPointerIsValid(p); p = holder_at(s, p)->next)
      databases.insert(holder_at(s, p)->database);
  }
  return databases;
}

bool is_held_elsewhere(const shared &s, const global_name &name, Oid database) {
  const global_entry *entry = s.globals.find(key_of(name));
  if (entry == nullptr) return false;
  for (dsa_pointer p = entry->holders; DsaPointerIsValid(p); p = holder_at(s, p)->next)
    if (holder_at(s, p)->database != database) return true;
  return false;
}

}  // namespace dynpgext::state
