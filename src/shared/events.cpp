#include "shared/events.h"

#include "shared/ring.h"
#include "shared/text.h"

namespace dynpgext::state {
namespace {

uint32 event_part(const event_entry &) { return 0; }

ring<event_log, event_part> events_of(const shared &s) { return {s, &root::events}; }

}  // namespace

void keep_events(shared &s, uint32 capacity) {
  events_of(s).resize(capacity, "events", "dynpgext.max_events");
}

void record(const shared &s, const event &e) {
  event_entry *entry = events_of(s).add(e.home, 0);
  if (entry == nullptr) return;
  *entry = {};
  entry->at = GetCurrentTimestamp();
  entry->home = e.home;
  entry->object = static_cast<uint32>(e.object);
  assign(entry->extension, e.extension);
  assign(entry->name, e.name);
  assign(entry->event, e.what);
  assign(entry->detail, e.detail);
}

void retire_events(const shared &s, Oid database) { events_of(s).retire(database); }

std::vector<event_entry> events(const shared &s) {
  return events_of(s).those([](const event_entry &) { return true; });
}

}  // namespace dynpgext::state
