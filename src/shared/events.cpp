#include "shared/events.h"

#include <numeric>

#include "model/text.h"

namespace dynpgext::state {
namespace {

event_log *log_of(const shared &s) {
  if (!DsaPointerIsValid(s.root->events)) return nullptr;
  return pg::address<event_log>(s.area, s.root->events);
}

model::event_link *links_of(event_log &log) {
  return reinterpret_cast<model::event_link *>(log.entries + log.counts.capacity);
}

model::event_home *homes_of(event_log &log) {
  return reinterpret_cast<model::event_home *>(links_of(log) + log.counts.capacity);
}

size_t size_of_log(size_t capacity) {
  return offsetof(event_log, entries) +
         capacity * (sizeof(event_entry) + sizeof(model::event_link)) +
         (capacity + 1) * sizeof(model::event_home);
}

event_entry &place_for(event_log &log, Oid home) {
  return log.entries[model::event_index(log.counts, links_of(log), homes_of(log)).add(home)];
}

// Slots in the order of time.
std::vector<uint32> slots_of(event_log &log) {
  std::vector<uint32> slots(log.counts.used);
  std::iota(slots.begin(), slots.end(), uint32{0});
  const model::event_link *links = links_of(log);
  std::sort(slots.begin(), slots.end(),
            [links](uint32 a, uint32 b) { return links[a].number < links[b].number; });
  return slots;
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
    const event_log *log = log_of(s);
    if (log != nullptr && log->counts.capacity == capacity) return;
  }
  pg::allocation memory(s.area, size_of_log(capacity), pg::allocation::content::uninitialised);
  if (!memory)
    throw pg::error(ERRCODE_OUT_OF_MEMORY, "dynpgext: no shared memory for events",
                    memory.refusal(), "Decrease dynpgext.max_events.");
  auto *fresh = pg::address<event_log>(s.area, memory.pointer());
  fresh->counts = {0, capacity, 0, 0};
  dsa_pointer old = InvalidDsaPointer;
  {
    const exclusive lock(s);
    if (event_log *log = log_of(s))
      for (const uint32 slot : slots_of(*log))
        place_for(*fresh, log->entries[slot].home) = log->entries[slot];
    old = std::exchange(s.root->events, memory.keep());
  }
  pg::release(s.area, old);
}

void record(const shared &s, const event &e) {
  event_log *log = log_of(s);
  if (log == nullptr) return;
  event_entry &entry = place_for(*log, e.home);
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
  if (event_log *log = log_of(s))
    for (const uint32 slot : slots_of(*log)) all.push_back(log->entries[slot]);
  return all;
}

}  // namespace dynpgext::state
