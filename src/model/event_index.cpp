#include "model/event_index.h"

#include <algorithm>
#include <utility>

namespace dynpgext::model {

std::uint32_t event_index::find_or_make(std::uint32_t home, std::uint32_t part) {
  event_home *const end = homes_ + counts_.homes;
  event_home *at = std::find_if(homes_, end, [=](const event_home &h) { return h.home >= home; });
  for (event_home *h = at; h != end && h->home == home; ++h)
    if (h->part == part) return static_cast<std::uint32_t>(h - homes_);
  std::move_backward(at, end, end + 1);
  *at = {home, part, 0, 0, 0};
  ++counts_.homes;
  return static_cast<std::uint32_t>(at - homes_);
}

std::uint64_t event_index::oldest_of(const event_home &part) const {
  return part.count == 0 ? UINT64_MAX : links_[part.oldest].number;
}

event_index::group event_index::group_at(std::uint32_t begin) const {
  group g{begin, 0, begin, UINT64_MAX};
  for (; g.end < counts_.homes && homes_[g.end].home == homes_[begin].home; ++g.end) {
    const event_home &part = homes_[g.end];
    const event_home &largest = homes_[g.largest];
    g.count += part.count;
    g.oldest = std::min(g.oldest, oldest_of(part));
    if (part.count > largest.count ||
        (part.count == largest.count && oldest_of(part) < oldest_of(largest)))
      g.largest = g.end;
  }
  return g;
}

std::uint32_t event_index::oldest_part(std::uint32_t begin, std::uint32_t end) const {
  const auto is_older = [this](const event_home &a, const event_home &b) {
    return oldest_of(a) < oldest_of(b);
  };
  return static_cast<std::uint32_t>(std::min_element(homes_ + begin, homes_ + end, is_older) -
                                    homes_);
}

std::uint32_t event_index::choose_victim(std::uint32_t index) const {
  std::uint32_t groups = 0;
  std::uint32_t own_parts = 0;
  group own{};
  group most{};
  for (std::uint32_t begin = 0; begin < counts_.homes; ++groups) {
    const group g = group_at(begin);
    if (g.count > most.count || (g.count == most.count && g.oldest < most.oldest)) most = g;
    if (index >= begin && index < g.end) {
      own = g;
      own_parts = g.end - begin;
    }
    if (homes_[begin].home == gone_home && g.count > 0) return oldest_part(begin, g.end);
    begin = g.end;
  }
  const auto has = [](std::uint32_t count, std::uint32_t share) {
    return count >= share && count > 0;
  };
  if (!has(own.count, counts_.capacity / groups)) return most.largest;
  return has(homes_[index].count, own.count / own_parts) ? index : own.largest;
}

std::uint32_t event_index::take_oldest(std::uint32_t index) {
  event_home &home = homes_[index];
  const std::uint32_t slot = home.oldest;
  home.oldest = links_[slot].next;
  --home.count;
  return slot;
}

void event_index::retire(std::uint32_t home) {
  event_home *const end = homes_ + counts_.homes;
  const auto is_of = [=](const event_home &h) { return h.home == home; };
  event_home *const first = std::find_if(homes_, end, is_of);
  event_home *const last = std::find_if_not(first, end, is_of);
  std::for_each(first, last, [](event_home &h) { h.home = gone_home; });
  std::rotate(first, last, end);  // gone_home is the last one
}

std::uint32_t event_index::add(std::uint32_t home, std::uint32_t part) {
  std::uint32_t index = find_or_make(home, part);
  std::uint32_t slot = counts_.used;
  if (counts_.used < counts_.capacity) {
    ++counts_.used;
  } else {
    const std::uint32_t victim = choose_victim(index);
    slot = take_oldest(victim);
    if (homes_[victim].count == 0 && victim != index) {
      std::move(homes_ + victim + 1, homes_ + counts_.homes, homes_ + victim);
      --counts_.homes;
      if (victim < index) --index;
    }
  }
  event_home &mine = homes_[index];
  links_[slot] = {counts_.all++, 0};
  if (mine.count++ == 0)
    mine.oldest = slot;
  else
    links_[mine.newest].next = slot;
  mine.newest = slot;
  return slot;
}

}  // namespace dynpgext::model
