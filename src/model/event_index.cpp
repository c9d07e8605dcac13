#include "model/event_index.h"

#include <utility>

namespace dynpgext::model {

std::uint32_t event_index::find_or_make(std::uint32_t home) {
  for (std::uint32_t i = 0; i < counts_.homes; ++i)
    if (homes_[i].home == home) return i;
  homes_[counts_.homes] = {home, 0, 0, 0};
  return counts_.homes++;
}

std::uint32_t event_index::choose_victim(std::uint32_t index) const {
  if (homes_[index].count >= counts_.capacity / counts_.homes && homes_[index].count > 0)
    return index;
  std::uint32_t most = 0;
  for (std::uint32_t i = 1; i < counts_.homes; ++i) {
    const event_home &a = homes_[i];
    const event_home &b = homes_[most];
    if (a.count > b.count ||
        (a.count == b.count && links_[a.oldest].number < links_[b.oldest].number))
      most = i;
  }
  return most;
}

std::uint32_t event_index::take_oldest(std::uint32_t index) {
  event_home &home = homes_[index];
  const std::uint32_t slot = home.oldest;
  home.oldest = links_[slot].next;
  --home.count;
  return slot;
}

std::uint32_t event_index::add(std::uint32_t home) {
  std::uint32_t index = find_or_make(home);
  std::uint32_t slot = counts_.used;
  if (counts_.used < counts_.capacity) {
    ++counts_.used;
  } else {
    const std::uint32_t victim = choose_victim(index);
    slot = take_oldest(victim);
    if (homes_[victim].count == 0 && victim != index) {
      const std::uint32_t last = --counts_.homes;
      homes_[victim] = homes_[last];
      if (index == last) index = victim;
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
