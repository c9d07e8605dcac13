// When a worker that has ended is started again.  Runs and pauses are numbers here: no test waits.
#include "model/restart.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <vector>

namespace dynpgext::model {
namespace {

constexpr std::int64_t second = 1000;
constexpr std::int64_t bound = 60 * second;
constexpr std::uint32_t countless = std::numeric_limits<std::uint32_t>::max();

worker_terms beginning_with(std::int64_t delay) { return {true, restart_policy::always, delay}; }

// Without random jitter.
std::int64_t delay_after(std::uint32_t unhealthy_runs, std::int64_t first = second,
                         std::int64_t longest = bound) {
  return restart_delay(beginning_with(first), unhealthy_runs, longest, 0.0);
}

// ---- policies ------------------------------------------------------------------------------

TEST(restart_policy, says_after_which_end_a_worker_is_restarted) {
  EXPECT_FALSE(restarts(restart_policy::never, false));
  EXPECT_FALSE(restarts(restart_policy::never, true));
  EXPECT_FALSE(restarts(restart_policy::on_failure, false));
  EXPECT_TRUE(restarts(restart_policy::on_failure, true));
  EXPECT_TRUE(restarts(restart_policy::always, false));
  EXPECT_TRUE(restarts(restart_policy::always, true));
}

TEST(restart_policy, has_a_name_that_leads_back_to_it) {
  const char *const names[] = {"never", "on_failure", "always"};
  for (int i = 0; i < 3; ++i) {
    const auto policy = static_cast<restart_policy>(i);
    EXPECT_EQ(name_of(policy), names[i]);
    EXPECT_EQ(restart_policy_of(names[i]), policy);
  }
  EXPECT_EQ(name_of(static_cast<restart_policy>(3)), "unknown");
  EXPECT_EQ(name_of(static_cast<restart_policy>(200)), "unknown");
}

TEST(restart_policy, is_not_what_only_looks_like_one) {
  for (const char *name : {"", "Always", "ALWAYS", "always ", "alway", "on failure", "on-failure",
                           "unknown", "0", "never\n"})
    EXPECT_EQ(restart_policy_of(name), std::nullopt) << name;
  EXPECT_EQ(restart_policy_of(std::string_view("never\0", 6)), std::nullopt);
}

TEST(restart_policy, of_who_says_nothing_is_never_after_a_second) {
  const worker_terms terms;
  EXPECT_TRUE(terms.enabled);
  EXPECT_EQ(terms.restart, restart_policy::never);
  EXPECT_EQ(terms.restart_delay, second);
}

TEST(restart_policy, and_delay_and_switch_make_the_terms) {
  const worker_terms terms;
  EXPECT_EQ(terms, worker_terms{});
  EXPECT_NE(terms, (worker_terms{false, terms.restart, terms.restart_delay}));
  EXPECT_NE(terms, (worker_terms{true, restart_policy::always, terms.restart_delay}));
  EXPECT_NE(terms, (worker_terms{true, terms.restart, terms.restart_delay + 1}));
}

// ---- the delay -----------------------------------------------------------------------------

TEST(restart_delay, is_the_one_that_was_asked_for_after_a_healthy_run) {
  for (const std::int64_t first : {std::int64_t{0}, std::int64_t{1}, second, bound})
    EXPECT_EQ(delay_after(0, first), first);
}

TEST(restart_delay, doubles_up_to_the_longest) {
  std::vector<std::int64_t> delays;
  for (std::uint32_t runs = 0; runs < 9; ++runs) delays.push_back(delay_after(runs));
  EXPECT_EQ(delays,
            (std::vector<std::int64_t>{1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000}));
}

TEST(restart_delay, above_the_longest_stays_as_it_was_asked_for) {
  for (const std::uint32_t runs : {0u, 1u, 2u, 100u, countless}) {
    EXPECT_EQ(delay_after(runs, bound + 1), bound + 1) << runs;
    EXPECT_EQ(delay_after(runs, max_restart_delay), max_restart_delay) << runs;
  }
}

TEST(restart_delay, of_0_is_none_the_first_time_only) {
  EXPECT_EQ(delay_after(0, 0), 0);
  std::int64_t before = delay_after(1, 0);
  EXPECT_GE(before, 100);
  EXPECT_LE(before, second);
  for (std::uint32_t runs = 2; before < bound; ++runs) {
    EXPECT_EQ(delay_after(runs, 0), std::min(2 * before, bound)) << runs;
    before = delay_after(runs, 0);
    ASSERT_LT(runs, 20u);
  }
}

TEST(restart_delay, that_is_short_grows_from_no_less_than_one_of_0) {
  for (const std::int64_t first : {1, 10, 99, 100}) {
    EXPECT_EQ(delay_after(0, first), first);
    EXPECT_GE(delay_after(1, first), delay_after(1, 0)) << first;
    EXPECT_GE(delay_after(1, first), 2 * first) << first;
  }
}

TEST(restart_delay, never_shrinks_with_the_number_of_runs) {
  for (const std::int64_t first :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{150}, second, bound, max_restart_delay})
    for (std::uint32_t runs = 0; runs < 100; ++runs)
      EXPECT_LE(delay_after(runs, first), delay_after(runs + 1, first)) << first << ", " << runs;
}

TEST(restart_delay, is_bounded_after_countless_runs) {
  for (const std::uint32_t runs : {63u, 64u, 65u, 1000u, countless - 1, countless})
    for (const std::int64_t longest :
         {std::int64_t{1}, std::int64_t{100}, bound, max_restart_delay})
      for (const std::int64_t first : {std::int64_t{0}, std::int64_t{1}, second, max_restart_delay})
        EXPECT_EQ(delay_after(runs, first, longest), std::max(first, longest))
            << runs << " runs, " << first << " to " << longest;
}

TEST(restart_delay, is_bounded_by_what_is_the_longest_now) {
  EXPECT_EQ(delay_after(4, second, 5 * second), 5 * second);
  EXPECT_EQ(delay_after(4, second, 500), second);
}

TEST(restart_delay, does_not_depend_on_policy_and_switch) {
  for (const restart_policy policy :
       {restart_policy::never, restart_policy::on_failure, restart_policy::always})
    for (const bool enabled : {true, false})
      EXPECT_EQ(restart_delay({enabled, policy, second}, 2, bound, 0.0), 4 * second);
}

// ---- random jitter -------------------------------------------------------------------------

TEST(restart_delay, is_shortened_by_chance_by_a_quarter_at_most) {
  EXPECT_EQ(restart_delay(beginning_with(second), 0, bound, 0.0), 1000);
  EXPECT_EQ(restart_delay(beginning_with(second), 0, bound, 0.5), 875);
  EXPECT_EQ(restart_delay(beginning_with(second), 0, bound, 1.0), 750);
  for (const std::int64_t first :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{3}, second, bound, max_restart_delay})
    for (const std::uint32_t runs : {0u, 1u, 5u, countless})
      for (int i = 0; i <= 64; ++i) {
        const std::int64_t nominal = delay_after(runs, first);
        const std::int64_t delay = restart_delay(beginning_with(first), runs, bound, i / 64.0);
        EXPECT_LE(delay, nominal);
        EXPECT_GE(delay, nominal - (nominal + 3) / 4) << first << ", " << runs << ", " << i;
      }
}

TEST(restart_delay, differs_for_workers_that_ended_together) {
  EXPECT_GT(restart_delay(beginning_with(second), 3, bound, 0.25),
            restart_delay(beginning_with(second), 3, bound, 0.75));
  EXPECT_GT(restart_delay(beginning_with(second), countless, bound, 0.25),
            restart_delay(beginning_with(second), countless, bound, 0.75));
}

TEST(restart_delay, takes_no_more_chance_than_there_is) {
  EXPECT_EQ(restart_delay(beginning_with(second), 0, bound, -7.0), 1000);
  EXPECT_EQ(restart_delay(beginning_with(second), 0, bound, 7.0), 750);
}

// ---- healthy runs --------------------------------------------------------------------------

TEST(restart_health, is_to_run_as_long_as_the_longest_delay) {
  EXPECT_FALSE(is_healthy(0, bound));
  EXPECT_FALSE(is_healthy(bound - 1, bound));
  EXPECT_TRUE(is_healthy(bound, bound));
  EXPECT_TRUE(is_healthy(bound + 1, bound));
}

// A worker, and the clock of its supervision.
struct supervised {
  worker_terms terms = beginning_with(second);
  std::int64_t now = 0;
  std::uint32_t unhealthy_runs = 0;

  // It runs for this time; returns the following delay.
  std::int64_t run(std::int64_t how_long) {
    now += how_long;
    if (is_healthy(how_long, bound)) unhealthy_runs = 0;
    const std::int64_t delay = restart_delay(terms, unhealthy_runs++, bound, 0.0);
    now += delay;
    return delay;
  }
};

TEST(restart_health, brings_the_first_delay_back) {
  supervised w;
  for (const std::int64_t expected : {1, 2, 4, 8, 16, 32, 60, 60})
    EXPECT_EQ(w.run(10), expected * second);
  EXPECT_EQ(w.run(bound - 1), 60 * second);
  EXPECT_EQ(w.run(bound), 1 * second);
  EXPECT_EQ(w.run(10), 2 * second);
}

TEST(restart_health, of_a_worker_that_always_ends_at_once_keeps_the_processor_free) {
  supervised w;
  w.terms.restart_delay = 0;
  int starts = 0;
  for (; w.now < 3600 * second; ++starts) (void)w.run(1);
  EXPECT_GT(starts, 60);
  EXPECT_LT(starts, 75);
}

}  // namespace
}  // namespace dynpgext::model
