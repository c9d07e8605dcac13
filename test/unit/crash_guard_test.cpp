// Whom the crash guard blames, whom it quarantines, and whom it lets go.
#include "model/crash_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace dynpgext::model {

void PrintTo(const blamed &b, std::ostream *to) {
  *to << b.who.home << "/" << b.who.extension << "/" << b.who.worker << " " << b.crashes
      << (b.newly_quarantined ? " quarantined" : "");
}

namespace {

constexpr std::int64_t second = 1000000;
constexpr std::int64_t window = 300 * second;
constexpr std::int64_t start = 800000000 * second;

const guarded_identity worker_a{5, "a", "w"};
const guarded_identity code_of_a{5, "a", ""};
const guarded_identity global_b{no_database, "b", "w"};

armed_record armed(guarded_identity who) { return {false, std::move(who)}; }
const armed_record launcher{true, {}};

// Runs of a server, one after another.
struct server {
  std::uint32_t limit = 3;
  std::vector<suspect> suspects = {};
  std::int64_t now = start;
  std::int64_t shown_later = 0;  // by the clock that people read

  verdict crash(std::vector<armed_record> records, std::int64_t after = second) {
    now += after;
    verdict v = judge(records, suspects, {now, now + shown_later}, limit, window);
    suspects = v.suspects;
    return v;
  }
  std::uint32_t count(const guarded_identity &who, std::int64_t after = second) {
    const verdict v = crash({armed(who)}, after);
    EXPECT_EQ(v.blamed.size(), 1u);
    EXPECT_EQ(v.blamed.at(0).who, who);
    return v.blamed.at(0).crashes;
  }
  bool holds(const guarded_identity &who) const { return is_quarantined(suspects, who); }
};

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

// The host has been booted: the clock that is measured by stands at `up`.
std::int64_t age_after_boot(std::int64_t crash, const instant &judged, const instant &now) {
  std::vector<suspect> suspects{{worker_a, {crash}, 0, 0}};
  carry_over(suspects, judged, now);
  return now.measured - suspects.at(0).crashes.at(0);
}

TEST(crash_guard, carries_crashes_over_a_boot_of_the_host) {
  constexpr std::int64_t up = 20 * second;
  // judged right after the crash, 100 seconds ago
  EXPECT_EQ(age_after_boot(start, {start, start}, {up, start + 100 * second}), 100 * second);
  // and one that had been a minute earlier
  EXPECT_EQ(age_after_boot(start - 60 * second, {start, start}, {up, start + 100 * second}),
            160 * second);
}

TEST(crash_guard, takes_a_crash_before_a_boot_for_older_than_the_boot) {
  constexpr std::int64_t up = 20 * second;
  // the clock that people read has been set back meanwhile
  EXPECT_EQ(age_after_boot(start, {start, start}, {up, start - 1000 * window}), up);
  EXPECT_EQ(age_after_boot(start, {start, start}, {window + 1, start - 1000 * window}), window + 1);
}

// ---- quarantine --------------------------------------------------------------------------------

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

// ---- roles
// ---------------------------------------------------------------------------------------

armed_record command(std::uint32_t role, const char *extension, const char *worker) {
  return {false, {.home = 5, .role = role}, {extension, worker}};
}

TEST(crash_guard, commands_of_a_role_count_together) {
  server s;
  s.crash({command(10, "a", "v")});
  s.crash({command(10, "b", "w")});
  const verdict v = s.crash({command(10, "a", "x")});
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{{.home = 5, .role = 10}, 3, true, {"a", "x"}}}));
  ASSERT_EQ(s.suspects.size(), 1u);
  EXPECT_EQ(s.suspects.at(0).command, (guarded_command{"a", "x"}));
  EXPECT_TRUE(s.suspects.at(0).who.is_role());
  EXPECT_FALSE(s.suspects.at(0).who.is_worker());
}

TEST(crash_guard, roles_databases_and_workers_in_processes_of_their_own_count_apart) {
  server s;
  armed_record elsewhere = command(10, "a", "w");
  elsewhere.who.home = 6;
  s.crash({command(10, "a", "w"), command(11, "a", "w"), elsewhere, armed(worker_a)});
  EXPECT_EQ(s.suspects.size(), 4u);
  EXPECT_EQ(s.crash({command(10, "a", "w")}).blamed.at(0).crashes, 2u);
}

TEST(crash_guard, two_commands_of_a_role_at_once_are_one_crash) {
  server s;
  const verdict v = s.crash({command(10, "a", "v"), command(10, "a", "w")});
  EXPECT_EQ(v.blamed, (std::vector<blamed>{{{.home = 5, .role = 10}, 1, false, {"a", "v"}}}));
}

TEST(crash_guard, a_release_of_roles_goes_by_their_extension_and_by_the_last_crash) {
  server s;
  s.limit = 1;
  s.crash({command(10, "a", "w"), command(11, "b", "w"), command(12, "c", "w"), armed(worker_a)});
  EXPECT_FALSE(release_roles(s.suspects, 6, "a", std::vector<std::uint32_t>{10, 11, 12}));
  EXPECT_FALSE(release_roles(s.suspects, 5, "d", {}));
  EXPECT_TRUE(release_roles(s.suspects, 5, "a", std::vector<std::uint32_t>{11}));
  EXPECT_FALSE(s.holds({.home = 5, .role = 10}));
  EXPECT_FALSE(s.holds({.home = 5, .role = 11}));
  EXPECT_TRUE(s.holds({.home = 5, .role = 12}));
  EXPECT_TRUE(s.holds(worker_a));
}

TEST(crash_guard, what_an_extension_has_done_is_not_what_a_role_has) {
  server s;
  s.limit = 1;
  s.crash({command(10, "a", "w")});
  EXPECT_FALSE(release(s.suspects, 5, "a"));
  EXPECT_FALSE(release(s.suspects, 5, ""));
  EXPECT_TRUE(s.holds({.home = 5, .role = 10}));
  EXPECT_TRUE(forget_home(s.suspects, 5));
  EXPECT_TRUE(s.suspects.empty());
}

// ---- no room -----------------------------------------------------------------------------------

guarded_identity number(std::size_t i) { return {5, "e" + std::to_string(i), "w"}; }

TEST(crash_guard, when_the_table_is_full_the_oldest_makes_room) {
  server s;
  for (std::size_t i = 0; i < suspects_kept; ++i) s.count(number(i), 1);
  s.count(number(0), 1);  // now 1 is the one that has been well for longest
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
