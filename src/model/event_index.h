// Which events, or runs, are kept when space runs out.  Each database has its share, so that a busy
// one, or one whose owner wants to hide something, pushes out only its own.  Within the share of a
// database each part has a share: for runs, each command, so that one running every second does not
// push out those of a nightly one.  Events of dropped databases go first: otherwise a role that
// creates and drops databases would push out those of others.
//
// The structs are plain, because they are in shared memory beside the entries.
#pragma once

#include <cstdint>

namespace dynpgext::model {

struct event_counts {
  std::uint64_t all;       // events since the start, kept or not
  std::uint32_t capacity;  // slots
  std::uint32_t used;      // slots that have an event
  std::uint32_t homes;     // parts of databases (and of 0: global) with events
};

struct event_link {
  std::uint64_t number;  // of the event in this slot, in the order of time
  std::uint32_t next;    // slot of the next newer event of its part
};

struct event_home {
  std::uint32_t home;  // or gone_home
  std::uint32_t part;
  std::uint32_t count;  // of its events
  std::uint32_t oldest;
  std::uint32_t newest;  // slots
};

// Of all databases that have been dropped.  Parts of it may have the same number.
inline constexpr std::uint32_t gone_home = UINT32_MAX;

// Works on arrays of `counts.capacity` links and one home more.  Homes are sorted by `home`, and
// all are scanned: one for each part with events, 20 bytes each.
class event_index {
 public:
  event_index(event_counts &counts, event_link *links, event_home *homes)
      : counts_(counts), links_(links), homes_(homes) {}

  // The slot for a new event: a free one, or that of the oldest event of gone_home, or of a home
  // with more than a fair share of all slots: this home, otherwise the largest one.  The same
  // applies to the parts of that home: this part if it belongs to it, otherwise the largest one.
  [[nodiscard]] std::uint32_t add(std::uint32_t home, std::uint32_t part = 0);

  // The events of the home go to gone_home.
  void retire(std::uint32_t home);

 private:
  [[nodiscard]] std::uint32_t find_or_make(std::uint32_t home, std::uint32_t part);
  [[nodiscard]] std::uint32_t choose_victim(std::uint32_t index) const;
  // Parts of one home, from `begin` on.
  struct group {
    std::uint32_t end;
    std::uint32_t count;
    std::uint32_t largest;  // of its parts
    std::uint64_t oldest;   // number of its oldest event
  };
  [[nodiscard]] group group_at(std::uint32_t begin) const;
  [[nodiscard]] std::uint64_t oldest_of(const event_home &part) const;
  // The part with the oldest event.
  [[nodiscard]] std::uint32_t oldest_part(std::uint32_t begin, std::uint32_t end) const;
  // Removes the oldest event of the part; returns its slot.
  [[nodiscard]] std::uint32_t take_oldest(std::uint32_t index);

  event_counts &counts_;
  event_link *links_;
  event_home *homes_;
};

}  // namespace dynpgext::model
