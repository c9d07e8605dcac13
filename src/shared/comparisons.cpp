#include "shared/comparisons.h"

namespace dynpgext::state {
namespace {

void set_older(const shared &s, database_entry &entry, dsa_pointer older, uint32 count) {
  if (DsaPointerIsValid(entry.older)) pg::release(s.area, entry.older);
  entry.older = older;
  entry.older_count = count;
}

std::span<const pg::virtual_transaction> older_of(const shared &s, const database_entry &entry) {
  if (entry.older_count == 0) return {};
  return {pg::address<pg::virtual_transaction>(s.area, entry.older), entry.older_count};
}

bool contains(std::span<const pg::virtual_transaction> all, const pg::virtual_transaction &one) {
  return std::any_of(all.begin(), all.end(), [&](const auto &t) { return pg::is_same(t, one); });
}

}  // namespace

comparison next_comparison(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return {true, true, 0};
  return {entry->compared <= entry->comparison, entry->compared == 0, entry->comparison};
}

void set_compared(shared &s, Oid database, uint32 number) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry != nullptr) entry->compared = std::max(entry->compared, number + 1);
}

void want_comparison(database_entry &entry) {
  ++entry.comparison;
  entry.visited = false;
}

void want_comparison(shared &s, Oid database) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  want_comparison(*entry);
  if (s.root->launcher_latch != nullptr) SetLatch(s.root->launcher_latch);
}

void watch_older(shared &s, Oid database, std::span<const pg::virtual_transaction> older) {
  std::optional<pg::allocation> copy;
  if (!older.empty()) {
    copy.emplace(s.area, older.size_bytes(), pg::allocation::content::uninitialised);
    if (!*copy)
      throw pg::error(ERRCODE_OUT_OF_MEMORY,
                      "dynpgext: no shared memory for transactions under way", copy->refusal());
    std::memcpy(pg::address<pg::virtual_transaction>(s.area, copy->pointer()), older.data(),
                older.size_bytes());
  }
  const exclusive lock(s);
  if (database_entry *entry = s.databases.find({database}))
    set_older(s, *entry, copy ? copy->keep() : InvalidDsaPointer,
              static_cast<uint32>(older.size()));
}

void follow_older(shared &s) {
  std::vector<pg::virtual_transaction> ended;
  {
    const reading lock(s);
    for (const database_entry *entry : s.databases.entries()) {
      const auto older = older_of(s, *entry);
      ended.insert(ended.end(), older.begin(), older.end());
    }
  }
  if (ended.empty()) return;
  // after reading the list: a transaction that is in the list and no longer running has ended
  const std::vector<pg::virtual_transaction> running = pg::running_transactions(true);
  std::erase_if(ended, [&](const auto &t) { return contains(running, t); });
  const exclusive lock(s);
  for (database_entry *entry : s.databases.entries()) {
    const auto older = older_of(s, *entry);
    if (older.empty() ||
        !std::all_of(older.begin(), older.end(), [&](const auto &t) { return contains(ended, t); }))
      continue;
    set_older(s, *entry, InvalidDsaPointer, 0);
    want_comparison(*entry);
  }
}

void forget_comparisons(const shared &s, database_entry &entry) {
  entry.comparison = entry.compared = 0;
  set_older(s, entry, InvalidDsaPointer, 0);
}

}  // namespace dynpgext::state
