// Which events are removed when there is no room: those of objects with more than a fair share.
#include "model/event_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace dynpgext::model {
namespace {

constexpr std::uint32_t none = UINT32_MAX;

class log {
 public:
  explicit log(std::uint32_t capacity)
      : counts_{0, capacity, 0, 0},
        links_(capacity),
        homes_(capacity + 1),
        owner_(capacity, none) {}

  void add(std::uint32_t home) { add_to(home, 0); }
  void add_to(std::uint32_t home, std::uint32_t part) {
    const std::uint32_t slot = event_index(counts_, links_.data(), homes_.data()).add(home, part);
    ASSERT_LT(slot, counts_.capacity);
    owner_[slot] = owner(home, part);
    history_[owner_[slot]].push_back(counts_.all - 1);
  }
  void retire(std::uint32_t home) {
    event_index(counts_, links_.data(), homes_.data()).retire(home);
  }
  void add(std::uint32_t home, int times) {
    for (int i = 0; i < times; ++i) add(home);
  }
  static std::uint32_t owner(std::uint32_t home, std::uint32_t part) { return home * 100 + part; }
  [[nodiscard]] std::vector<std::uint64_t> kept(std::uint32_t home, std::uint32_t part = 0) const {
    return kept_of(owner(home, part));
  }
  [[nodiscard]] std::vector<std::uint64_t> kept_of(std::uint32_t owner) const {
    std::vector<std::uint64_t> numbers;
    for (std::uint32_t slot = 0; slot < counts_.used; ++slot)
      if (owner_[slot] == owner) numbers.push_back(links_[slot].number);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }
  // Of every part the newest events exist, without a gap.
  void check() const {
    size_t all = 0;
    for (const auto &[owner, numbers] : history_) {
      const std::vector<std::uint64_t> now = kept_of(owner);
      all += now.size();
      ASSERT_TRUE(std::equal(now.rbegin(), now.rend(), numbers.rbegin())) << "owner " << owner;
    }
    EXPECT_EQ(all, counts_.used);
    EXPECT_EQ(all, std::min<std::uint64_t>(counts_.all, counts_.capacity));
  }

 private:
  event_counts counts_;
  std::vector<event_link> links_;
  std::vector<event_home> homes_;
  std::vector<std::uint32_t> owner_;  // of each slot
  std::map<std::uint32_t, std::vector<std::uint64_t>> history_;
};

TEST(event_index, keeps_the_newest_of_one_home) {
  log l(10);
  l.add(1, 25);
  l.check();
  EXPECT_EQ(l.kept(1).front(), 15u);
}

TEST(event_index, a_flood_pushes_out_its_own) {
  log l(10);
  l.add(2, 3);
  l.add(0, 2);
  l.add(1, 1000);
  l.check();
  EXPECT_EQ(l.kept(2).size(), 3u);
  EXPECT_EQ(l.kept(0).size(), 2u);
  EXPECT_EQ(l.kept(1).size(), 5u);
}

TEST(event_index, a_newcomer_gets_its_share_from_whoever_has_most) {
  log l(10);
  l.add(1, 100);
  l.add(2, 2);
  l.add(3, 100);
  l.check();
  EXPECT_EQ(l.kept(2).size(), 2u);
  EXPECT_EQ(l.kept(3).size(), 3u);
  EXPECT_EQ(l.kept(1).size(), 5u);
}

TEST(event_index, more_homes_than_room) {
  log l(4);
  for (std::uint32_t home = 1; home <= 9; ++home) l.add(home);
  l.check();
  for (std::uint32_t home = 1; home <= 9; ++home)
    EXPECT_EQ(l.kept(home).size(), home > 5 ? 1u : 0u) << "home " << home;
}

TEST(event_index, room_for_one) {
  log l(1);
  l.add(1);
  l.add(2, 3);
  l.add(1);
  l.check();
  EXPECT_EQ(l.kept(1).size(), 1u);
}

TEST(event_index, a_busy_part_leaves_the_others_of_its_home) {
  log l(10);
  l.add_to(1, 1);
  l.add_to(1, 2);
  for (int i = 0; i < 1000; ++i) l.add_to(1, 3);
  l.check();
  EXPECT_EQ(l.kept(1, 1).size(), 1u);
  EXPECT_EQ(l.kept(1, 2).size(), 1u);
  EXPECT_EQ(l.kept(1, 3).size(), 8u);
}

TEST(event_index, parts_with_the_same_share_lose_their_own) {
  log l(4);
  l.add(2, 4);
  l.add_to(1, 1);
  for (int i = 0; i < 10; ++i) {
    l.add_to(1, 3);
    l.check();
  }
  EXPECT_EQ(l.kept(1, 1).size(), 1u);
  EXPECT_EQ(l.kept(1, 3).size(), 1u);
}

TEST(event_index, many_parts_are_one_home) {
  log l(10);
  for (std::uint32_t i = 0; i < 1000; ++i) l.add_to(1, i % 50);
  l.add(2, 5);
  for (std::uint32_t i = 0; i < 1000; ++i) l.add_to(1, i % 50);
  l.check();
  EXPECT_EQ(l.kept(2).size(), 5u);
}

TEST(event_index, dropped_ones_go_first) {
  log l(10);
  l.add(1, 5);
  for (std::uint32_t dropped = 20; dropped < 40; ++dropped) {
    l.add(dropped, 3);
    l.retire(dropped);
    l.check();
  }
  EXPECT_EQ(l.kept(1).size(), 5u);
  l.add(2, 100);
  l.check();
  EXPECT_EQ(l.kept(1).size(), 5u);
  EXPECT_EQ(l.kept(2).size(), 5u);
}

TEST(event_index, a_dropped_one_goes_with_all_parts) {
  log l(9);
  for (std::uint32_t part = 0; part < 3; ++part) l.add_to(1, part);
  l.add(0, 2);
  l.add(2, 2);
  l.add(9, 2);
  l.retire(1);
  l.retire(7);  // has none
  l.add(2, 3);
  l.check();
  EXPECT_EQ(l.kept(0).size(), 2u);
  EXPECT_EQ(l.kept(2).size(), 5u);
  EXPECT_EQ(l.kept(9).size(), 2u);
}

// A later database may have the number of a dropped one.
TEST(event_index, random_drops) {
  std::mt19937 random(5);
  log l(12);
  for (int i = 0; i < 3000; ++i) {
    if (random() % 10 == 0)
      l.retire(random() % 5);
    else
      l.add_to(random() % 5, random() % 3);
    l.check();
  }
}

TEST(event_index, parts_of_a_home_share) {
  std::mt19937 random(11);
  log l(30);
  for (int i = 0; i < 3000; ++i) {
    l.add_to(random() % 3, random() % 2 == 0 ? 0 : random() % 4);
    l.check();
  }
  for (std::uint32_t home = 0; home < 3; ++home)
    for (std::uint32_t part = 0; part < 4; ++part)
      EXPECT_GE(l.kept(home, part).size(), 1u) << home << " " << part;
}

TEST(event_index, nobody_goes_below_a_share_for_others) {
  std::mt19937 random(7);
  for (std::uint32_t capacity : {1u, 2u, 7u, 50u}) {
    log l(capacity);
    for (int i = 0; i < 3000; ++i) {
      // most events are of one home
      l.add(random() % 4 == 0 ? random() % 9 : 5);
      l.check();
    }
    std::map<std::uint32_t, size_t> before;
    for (std::uint32_t home = 0; home < 9; ++home) before[home] = l.kept(home).size();
    l.add(5, 200);
    for (std::uint32_t home = 0; home < 9; ++home)
      if (home != 5) {
        EXPECT_GE(l.kept(home).size(), std::min<size_t>(before[home], capacity / 9));
      }
  }
}

}  // namespace
}  // namespace dynpgext::model
