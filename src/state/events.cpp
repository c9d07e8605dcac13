#include "state/events.h"

#include "model/text.h"

namespace dynpgext::state {
namespace {

event_ring *ring_of(const shared &s) {
  if (!DsaPointerIsValid(s.root->events)) return nullptr;
  return pg::address<event_ring>(s.area, s.root->events);
}

// The ones that are still there.
uint64 first_of(const event_ring &ring) {
  return ring.count > ring.capacity ? ring.count - ring.capacity : 0;
}

// Cut at its end, never in the middle of a character, also in a process that is in no database and
// has no encoding therefore.
template <size_t Size>
void assign(pg::fixed_string<Size> &to, std::string_view text) {
  if (text.size() >= Size) {
    const int length = pg_mbcliplen(text.data(), static_cast<int>(text.size()), Size - 1);
    text = text.substr(0, static_cast<size_t>(length));
    text = text.substr(0, model::whole_length(text));
  }
  to.assign(text);
}

}  // namespace

void keep_events(shared &s, uint32 capacity) {
  {
    const reading lock(s);
    const event_ring *ring = ring_of(s);
    if (ring != nullptr && ring->capacity == capacity) return;
  }
  const size_t size = offsetof(event_ring, entries) + size_t{capacity} * sizeof(event_entry);
  const pg::allocation_result memory = pg::allocate_uninitialised(s.area, size);
  if (!DsaPointerIsValid(memory.pointer))
    throw pg::error(ERRCODE_OUT_OF_MEMORY, "dynpgext: no shared memory for events", memory.refusal,
                    "Decrease dynpgext.max_events.");
  auto *fresh = pg::address<event_ring>(s.area, memory.pointer);
  fresh->count = 0;
  fresh->capacity = capacity;
  dsa_pointer old = InvalidDsaPointer;
  {
    const exclusive lock(s);
    if (const event_ring *ring = ring_of(s))
      for (uint64 i =
               std::max(first_of(*ring), ring->count > capacity ? ring->count - capacity : 0);
           i < ring->count; ++i)
        fresh->entries[fresh->count++] = ring->entries[i % ring->capacity];
    old = std::exchange(s.root->events, memory.pointer);
  }
  pg::release(s.area, old);
}

void record(const shared &s, const event &e) {
  event_ring *ring = ring_of(s);
  if (ring == nullptr) return;
  event_entry &entry = ring->entries[ring->count++ % ring->capacity];
  entry.at = GetCurrentTimestamp();
  entry.home = e.home;
  entry.object = static_cast<uint32>(e.object);
  assign(entry.extension, e.extension);
  assign(entry.name, e.name);
  assign(entry.event, e.what);
  assign(entry.detail, e.detail);
}

std::vector<event_entry> events(const shared &s) {
  std::vector<event_entry> all;
  const reading lock(s);
  if (const event_ring *ring = ring_of(s))
    for (uint64 i = first_of(*ring); i < ring->count; ++i)
      all.push_back(ring->entries[i % ring->capacity]);
  return all;
}

}  // namespace dynpgext::state
