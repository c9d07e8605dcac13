// Which suspects the crash guard blames, and how it counts.
#include "crashes.h"

namespace dynpgext::model {
namespace {

using namespace crashes;

TEST(crash_guard, without_armed_records_nobody_is_blamed) {
  server s;
  const verdict v = s.crash({});
  EXPECT_TRUE(v.blamed.empty());
  EXPECT_TRUE(v.suspects.empty());
  EXPECT_FALSE(v.all_killed);
}

TEST(crash_guard, the_one_that_is_left_armed_is_blamed) {
  server s;
  const verdict v = s.crash({armed(worker_a)});
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{worker_a, 1, false}}));
  EXPECT_EQ(v.suspects, (std::vector<suspect>{{worker_a, {s.now}, 0, 0}}));
  EXPECT_FALSE(v.all_killed);
}

TEST(crash_guard, bystanders_are_not_blamed) {
  server s;
  s.count(global_b);
  const std::vector<suspect> before = s.suspects;
  const verdict v = s.crash({armed(worker_a)});
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{worker_a, 1, false}}));
  EXPECT_EQ(s.suspects.at(0), before.at(0));
}

TEST(crash_guard, two_at_once_are_both_blamed) {
  server s;
  const verdict v = s.crash({armed(worker_a), armed(global_b)});
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{global_b, 1, false}, {worker_a, 1, false}}));
  EXPECT_EQ(s.suspects.size(), 2u);
}

TEST(crash_guard, the_same_code_in_two_sessions_is_blamed_once) {
  server s;
  const verdict v = s.crash({armed(code_of_a), armed(worker_a), armed(code_of_a)});
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{code_of_a, 1, false}, {worker_a, 1, false}}));
}

TEST(crash_guard, home_extension_and_worker_make_an_identity) {
  server s;
  s.limit = 1;
  s.crash({armed(worker_a)});
  EXPECT_TRUE(s.holds(worker_a));
  for (const guarded_identity &other : std::vector<guarded_identity>{
           {6, "a", "w"}, {no_database, "a", "w"}, {5, "b", "w"}, {5, "a", "v"}, code_of_a})
    EXPECT_FALSE(s.holds(other)) << other.home << other.extension << other.worker;
  EXPECT_TRUE(worker_a.is_worker());
  EXPECT_FALSE(code_of_a.is_worker());
}

// ---- everything killed ------------------------------------------------------------------------

TEST(crash_guard, the_launcher_alone_accuses_nobody) {
  server s;
  const verdict v = s.crash({launcher});
  EXPECT_TRUE(v.blamed.empty());
  EXPECT_TRUE(v.suspects.empty());
  EXPECT_FALSE(v.all_killed);
}

TEST(crash_guard, with_the_launcher_everything_was_killed) {
  server s;
  s.limit = 1;
  for (const auto &records :
       {std::vector<armed_record>{armed(worker_a), launcher, armed(code_of_a)},
        std::vector<armed_record>{launcher, armed(worker_a)}}) {
    const verdict v = s.crash(records);
    EXPECT_TRUE(v.blamed.empty());
    EXPECT_TRUE(v.suspects.empty());
    EXPECT_TRUE(v.all_killed);
  }
}

TEST(crash_guard, what_was_killed_with_everything_does_not_count_later) {
  server s;
  EXPECT_EQ(s.count(worker_a), 1u);
  s.crash({launcher, armed(worker_a)});
  EXPECT_EQ(s.count(worker_a), 2u);
}

// ---- limits ------------------------------------------------------------------------------------

TEST(crash_guard, a_limit_of_0_blames_nobody_and_keeps_what_is_known) {
  server s;
  s.count(worker_a);
  s.limit = 1;
  s.count(code_of_a);
  const std::vector<suspect> before = s.suspects;
  s.limit = 0;
  const verdict v = s.crash({armed(worker_a), armed(global_b)}, 10 * window);
  EXPECT_TRUE(v.blamed.empty());
  EXPECT_FALSE(v.all_killed);
  EXPECT_EQ(v.suspects, before);
  EXPECT_FALSE(s.crash({launcher, armed(worker_a)}).all_killed);
}

TEST(crash_guard, with_a_limit_of_1_the_first_crash_quarantines) {
  server s;
  s.limit = 1;
  const verdict v = s.crash({armed(worker_a)});
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{worker_a, 1, true}}));
  EXPECT_EQ(v.suspects, (std::vector<suspect>{{worker_a, {s.now}, s.now, 1}}));
}

TEST(crash_guard, with_a_limit_of_3_the_third_crash_quarantines) {
  server s;
  for (std::uint32_t i = 1; i <= 3; ++i) {
    const verdict v = s.crash({armed(worker_a)});
    EXPECT_EQ(v.blamed, (std::vector<blamed>{{worker_a, i, i == 3}}));
    EXPECT_EQ(s.holds(worker_a), i == 3);
  }
  EXPECT_EQ(s.suspects.at(0).quarantined_since, s.now);
  EXPECT_EQ(s.suspects.at(0).quarantined_after, 3u);
}

TEST(crash_guard, crashes_of_others_do_not_add_up) {
  server s;
  s.crash({armed(worker_a), armed(code_of_a)});
  s.crash({armed(worker_a), armed(global_b)});
  EXPECT_FALSE(s.holds(worker_a));
  EXPECT_EQ(s.count(global_b), 2u);
  EXPECT_EQ(s.count(code_of_a), 2u);
  EXPECT_FALSE(s.holds(global_b));
  EXPECT_FALSE(s.holds(code_of_a));
  EXPECT_EQ(s.count(worker_a), 3u);
  EXPECT_TRUE(s.holds(worker_a));
}

TEST(crash_guard, a_lower_limit_waits_for_the_next_crash) {
  server s;
  s.count(worker_a);
  s.count(worker_a);
  s.limit = 1;
  s.crash({});
  EXPECT_FALSE(s.holds(worker_a));
  s.count(worker_a);
  EXPECT_TRUE(s.holds(worker_a));
}

TEST(crash_guard, no_limit_is_higher_than_what_is_kept) {
  server s;
  s.limit = 1000;
  for (std::uint32_t i = 1; i < crashes_kept; ++i) EXPECT_EQ(s.count(worker_a), i);
  EXPECT_FALSE(s.holds(worker_a));
  EXPECT_EQ(s.count(worker_a), crashes_kept);
  EXPECT_TRUE(s.holds(worker_a));
}

TEST(crash_guard, of_many_crashes_the_last_are_kept) {
  server s;
  s.limit = 1;
  for (std::size_t i = 0; i < crashes_kept + 5; ++i) s.count(worker_a);
  const suspect &known = s.suspects.at(0);
  ASSERT_EQ(known.crashes.size(), crashes_kept);
  EXPECT_EQ(known.crashes.back(), s.now);
  EXPECT_EQ(known.crashes.front(), s.now - static_cast<std::int64_t>(crashes_kept - 1) * second);
}

// ---- the window --------------------------------------------------------------------------------

TEST(crash_guard, a_crash_counts_to_the_end_of_the_window) {
  server s;
  s.count(worker_a);
  EXPECT_EQ(s.count(worker_a, window), 2u);
}

TEST(crash_guard, a_crash_counts_no_longer_than_the_window) {
  server s;
  s.count(worker_a);
  EXPECT_EQ(s.count(worker_a, window + 1), 1u);
}

TEST(crash_guard, the_window_slides) {
  server s;
  EXPECT_EQ(s.count(worker_a), 1u);
  EXPECT_EQ(s.count(worker_a, window / 2), 2u);
  EXPECT_EQ(s.count(worker_a, window / 2 + 1), 2u);
  EXPECT_EQ(s.count(worker_a, window / 2 - 1), 3u);
  EXPECT_TRUE(s.holds(worker_a));
}

TEST(crash_guard, who_has_been_well_for_the_window_is_forgotten) {
  server s;
  s.count(worker_a);
  s.crash({}, window);
  EXPECT_EQ(s.suspects.size(), 1u);
  s.crash({}, 1);
  EXPECT_TRUE(s.suspects.empty());
}

TEST(crash_guard, without_a_window_only_the_crash_itself_counts) {
  const std::vector<armed_record> records = {armed(worker_a)};
  const verdict v = judge(records, {{worker_a, {start - 1}, 0, 0}}, {start, start}, 2, 0);
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{worker_a, 1, false}}));
}

TEST(crash_guard, does_not_go_by_the_clock_that_people_read) {
  server s;
  s.count(worker_a);
  for (const std::int64_t jump : {-1000 * window, 1000 * window}) {
    s.shown_later = jump;
    EXPECT_EQ(s.count(worker_a, 0), jump < 0 ? 2u : 3u);
  }
  s.shown_later = 0;
  EXPECT_EQ(s.count(worker_a, window + 1), 1u);
}

TEST(crash_guard, shows_a_quarantine_by_the_clock_that_people_read) {
  server s;
  s.limit = 1;
  s.shown_later = 12345;
  s.count(worker_a);
  EXPECT_EQ(s.suspects.at(0).quarantined_since, s.now + 12345);
}

// After a boot of the host, when the monotonic clock shows `up`.
std::int64_t age_after_boot(std::int64_t crash, const instant &judged, const instant &now) {
  std::vector<suspect> suspects{{worker_a, {crash}, 0, 0}};
  carry_over(suspects, judged, now);
  return now.measured - suspects.at(0).crashes.at(0);
}

TEST(crash_guard, carries_crashes_over_a_boot_of_the_host) {
  constexpr std::int64_t up = 20 * second;
  // judged right after the crash, 100 seconds ago
  EXPECT_EQ(age_after_boot(start, {start, start}, {up, start + 100 * second}), 100 * second);
  // and a crash one minute earlier
  EXPECT_EQ(age_after_boot(start - 60 * second, {start, start}, {up, start + 100 * second}),
            160 * second);
}

TEST(crash_guard, takes_a_crash_before_a_boot_for_older_than_the_boot) {
  constexpr std::int64_t up = 20 * second;
  // the wall clock has been set back meanwhile
  EXPECT_EQ(age_after_boot(start, {start, start}, {up, start - 1000 * window}), up);
  EXPECT_EQ(age_after_boot(start, {start, start}, {window + 1, start - 1000 * window}), window + 1);
}

}  // namespace
}  // namespace dynpgext::model
