// The newest entries of a kind, with at least a share for each database, in shared memory: events
// and runs.  The entries are followed by as many links, and one home more, see model/event_index.h.
//
// An entry has a member `home`, its database (InvalidOid: global); PartOf returns the part of it to
// which an entry belongs.  Log is the struct in shared memory: counts, and entries.
#pragma once

#include <numeric>
#include <vector>

#include "model/event_index.h"
#include "shared/root.h"

namespace dynpgext::state {

template <class Log, auto PartOf>
class ring {
 public:
  using Entry = std::remove_extent_t<decltype(Log::entries)>;

  // `at`: the member of the root block that refers to it.
  ring(const shared &s, dsa_pointer root::*at) : shared_(s), at_(at) {}

  // Exclusive lock.  Allocates nothing; nullptr before resize().
  [[nodiscard]] Entry *add(Oid home, uint32 part) const {
    Log *c = find();
    return c == nullptr ? nullptr : &place(*c, home, part);
  }

  // The database has been dropped: its entries go first when space runs out.  Exclusive lock.
  void retire(Oid home) const {
    if (Log *c = find()) index_of(*c).retire(home);
  }

  // Entries for which f returns true, oldest first.  Takes the lock itself.
  template <class F>
  [[nodiscard]] std::vector<Entry> those(F is_wanted) const {
    std::vector<Entry> entries;
    const reading lock(shared_);
    if (Log *c = find())
      for (const uint32 slot : slots_of(*c))
        if (is_wanted(c->entries[slot])) entries.push_back(c->entries[slot]);
    return entries;
  }

  // Makes room for this many entries, and keeps existing ones that fit; `what` and the setting are
  // for the error message.  Takes the lock itself.
  void resize(uint32 capacity, const std::string &what, const std::string &setting) const {
    {
      const reading lock(shared_);
      const Log *c = find();
      if (c != nullptr && c->counts.capacity == capacity) return;
    }
    pg::allocation memory(shared_.area, size_for(capacity), pg::allocation::content::uninitialised);
    if (!memory)
      throw pg::error(ERRCODE_OUT_OF_MEMORY, "dynpgext: no shared memory for " + what,
                      memory.refusal(), "Decrease " + setting + ".");
    auto *fresh = pg::address<Log>(shared_.area, memory.pointer());
    fresh->counts = {0, capacity, 0, 0};
    std::memset(fresh->reserved, 0, sizeof fresh->reserved);
    dsa_pointer old = InvalidDsaPointer;
    {
      const exclusive lock(shared_);
      if (Log *c = find()) {
        for (const uint32 slot : slots_of(*c))
          place(*fresh, c->entries[slot].home, PartOf(c->entries[slot])) = c->entries[slot];
        for (uint32 i = 0; i < c->counts.homes; ++i)
          if (const model::event_home &h = homes_of(*c)[i]; h.home == model::gone_home)
            index_of(*fresh).retire(c->entries[h.oldest].home);
      }
      old = std::exchange(shared_.root->*at_, memory.keep());
    }
    pg::release(shared_.area, old);
  }

 private:
  [[nodiscard]] Log *find() const {
    const dsa_pointer where = shared_.root->*at_;
    return DsaPointerIsValid(where) ? pg::address<Log>(shared_.area, where) : nullptr;
  }
  static model::event_link *links_of(Log &c) {
    return reinterpret_cast<model::event_link *>(c.entries + c.counts.capacity);
  }
  static model::event_home *homes_of(Log &c) {
    return reinterpret_cast<model::event_home *>(links_of(c) + c.counts.capacity);
  }
  static size_t size_for(size_t capacity) {
    return offsetof(Log, entries) + capacity * (sizeof(Entry) + sizeof(model::event_link)) +
           (capacity + 1) * sizeof(model::event_home);
  }
  static model::event_index index_of(Log &c) { return {c.counts, links_of(c), homes_of(c)}; }
  static Entry &place(Log &c, Oid home, uint32 part) {
    return c.entries[index_of(c).add(home, part)];
  }
  // Ordered by time.
  static std::vector<uint32> slots_of(Log &c) {
    std::vector<uint32> slots(c.counts.used);
    std::iota(slots.begin(), slots.end(), uint32{0});
    const model::event_link *links = links_of(c);
    std::sort(slots.begin(), slots.end(),
              [links](uint32 a, uint32 b) { return links[a].number < links[b].number; });
    return slots;
  }

  const shared &shared_;
  dsa_pointer root::*at_;
};

}  // namespace dynpgext::state
