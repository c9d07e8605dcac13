// Which suspects the crash guard quarantines, and which it releases.
#include "crashes.h"

namespace dynpgext::model {
namespace {

using namespace crashes;

TEST(crash_guard, a_quarantine_lasts_longer_than_the_window) {
  server s;
  s.limit = 1;
  s.count(worker_a);
  const std::int64_t since = s.now;
  s.limit = 3;
  s.crash({}, 1000 * window);
  EXPECT_TRUE(s.holds(worker_a));
  EXPECT_EQ(s.suspects, (std::vector<suspect>{{worker_a, {}, since, 1}}));
}

TEST(crash_guard, a_quarantined_one_is_blamed_but_not_quarantined_again) {
  server s;
  s.limit = 1;
  s.count(worker_a);
  const std::int64_t since = s.now;
  const verdict v = s.crash({armed(worker_a)});
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{worker_a, 2, false}}));
  EXPECT_EQ(v.suspects.at(0).quarantined_since, since);
  EXPECT_EQ(v.suspects.at(0).quarantined_after, 1u);
}

TEST(crash_guard, a_quarantine_at_the_time_0_is_one) {
  const std::vector<armed_record> records = {armed(worker_a)};
  EXPECT_TRUE(is_quarantined(judge(records, {}, {0, 0}, 1, window).suspects, worker_a));
}

TEST(crash_guard, the_quarantined_are_listed) {
  server s;
  s.count(worker_a);
  s.limit = 1;
  s.crash({armed(code_of_a), armed(global_b)});
  const std::vector<suspect> found = quarantined(s.suspects);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found.at(0).who, global_b);
  EXPECT_EQ(found.at(1).who, code_of_a);
}

TEST(crash_guard, a_released_one_starts_from_nothing) {
  server s;
  for (int i = 0; i < 3; ++i) s.count(worker_a);
  EXPECT_TRUE(release(s.suspects, 5, "a"));
  EXPECT_FALSE(s.holds(worker_a));
  EXPECT_EQ(s.count(worker_a), 1u);
  EXPECT_EQ(s.count(worker_a), 2u);
  EXPECT_FALSE(s.holds(worker_a));
  EXPECT_EQ(s.count(worker_a), 3u);
  EXPECT_TRUE(s.holds(worker_a));
}

TEST(crash_guard, a_release_is_of_one_extension_in_one_home) {
  const guarded_identity elsewhere{6, "a", "w"};
  const guarded_identity global_a{no_database, "a", "w"};
  const guarded_identity neighbour{5, "c", "w"};
  server s;
  s.limit = 1;
  s.crash({armed(worker_a), armed(code_of_a), armed(elsewhere), armed(global_a), armed(neighbour)});
  EXPECT_TRUE(release(s.suspects, 5, "a"));
  EXPECT_FALSE(s.holds(worker_a));
  EXPECT_FALSE(s.holds(code_of_a));
  for (const guarded_identity &other : {elsewhere, global_a, neighbour})
    EXPECT_TRUE(s.holds(other));
  EXPECT_FALSE(release(s.suspects, 5, "a"));
  EXPECT_TRUE(release(s.suspects, no_database, "a"));
  EXPECT_FALSE(s.holds(global_a));
}

TEST(crash_guard, a_release_forgets_suspects_that_are_not_quarantined_too) {
  server s;
  s.count(worker_a);
  EXPECT_TRUE(release(s.suspects, 5, "a"));
  EXPECT_EQ(s.count(worker_a), 1u);
}

TEST(crash_guard, a_dropped_database_takes_its_suspects_along) {
  server s;
  s.limit = 1;
  s.crash({armed(worker_a), armed(code_of_a), armed(global_b)});
  EXPECT_FALSE(forget_home(s.suspects, 6));
  EXPECT_FALSE(forget_home(s.suspects, no_database));
  EXPECT_TRUE(forget_home(s.suspects, 5));
  ASSERT_EQ(s.suspects.size(), 1u);
  EXPECT_TRUE(s.holds(global_b));
}

// ---- no room -----------------------------------------------------------------------------------

guarded_identity number(std::size_t i) { return {5, "e" + std::to_string(i), "w"}; }

TEST(crash_guard, when_the_table_is_full_the_oldest_makes_room) {
  server s;
  for (std::size_t i = 0; i < suspects_kept; ++i) s.count(number(i), 1);
  s.count(number(0), 1);  // now 1 has been healthy for longest
  EXPECT_EQ(s.suspects.size(), suspects_kept);
  EXPECT_EQ(s.count(worker_a, 1), 1u);
  EXPECT_EQ(s.suspects.size(), suspects_kept);
  EXPECT_EQ(s.count(number(0), 1), 3u);
  EXPECT_EQ(s.count(number(2), 1), 2u);
  EXPECT_EQ(s.count(worker_a, 1), 2u);
  EXPECT_EQ(s.count(number(1), 1), 1u);
}

TEST(crash_guard, the_quarantined_make_no_room) {
  server s;
  s.limit = 1;
  s.count(number(0), 1);
  s.limit = 3;
  for (std::size_t i = 1; i < suspects_kept; ++i) s.count(number(i), 1);
  s.count(worker_a, 1);
  EXPECT_EQ(s.suspects.size(), suspects_kept);
  EXPECT_TRUE(s.holds(number(0)));
  EXPECT_EQ(s.count(number(2), 1), 2u);
  EXPECT_EQ(s.count(number(1), 1), 1u);
}

TEST(crash_guard, with_256_quarantined_another_one_is_named_only) {
  server s;
  s.limit = 1;
  for (std::size_t i = 0; i < suspects_kept; ++i) s.count(number(i), 1);
  const std::vector<suspect> before = s.suspects;
  const verdict v = s.crash({armed(worker_a)}, 1);
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{worker_a, 1, false}}));
  EXPECT_EQ(v.suspects, before);
  EXPECT_EQ(s.count(number(0), 1), 2u);
}

TEST(crash_guard, more_than_256_at_once_do_not_fit) {
  server s;
  std::vector<armed_record> records;
  for (std::size_t i = 0; i < suspects_kept + 10; ++i) records.push_back(armed(number(i)));
  const verdict v = s.crash(records);
  EXPECT_EQ(v.blamed.size(), suspects_kept + 10);
  EXPECT_EQ(v.suspects.size(), suspects_kept);
}

}  // namespace
}  // namespace dynpgext::model
