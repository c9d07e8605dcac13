// When a command is due, and how definitions differ.
#include "model/command.h"

#include <gtest/gtest.h>

#include <limits>

namespace dynpgext::model {
namespace {

constexpr std::int64_t interval = 100;  // milliseconds
constexpr std::int64_t step = interval * 1000;

TEST(next_run, comes_at_a_fixed_rate) {
  EXPECT_EQ(next_run(0, 0, interval), step);
  EXPECT_EQ(next_run(0, 10, interval), step);
  EXPECT_EQ(next_run(0, step - 1, interval), step);
}

TEST(next_run, of_a_late_one_is_not_made_up_for) {
  EXPECT_EQ(next_run(0, step, interval), 2 * step);
  EXPECT_EQ(next_run(0, 10 * step + 1, interval), 11 * step);
}

TEST(next_run, is_in_the_future_and_on_the_grid) {
  for (std::int64_t now = 0; now < 5 * step; now += 777) {
    const std::int64_t next = next_run(1234, 1234 + now, interval);
    EXPECT_GT(next, 1234 + now);
    EXPECT_LE(next, 1234 + now + step);
    EXPECT_EQ((next - 1234) % step, 0);
  }
}

TEST(next_run, of_one_that_is_not_due_yet_stays) {
  EXPECT_EQ(next_run(step, step - 1, interval), step);
  EXPECT_EQ(next_run(1000 * step, 5, interval), 1000 * step);
}

TEST(due_by_new_interval, is_an_interval_after_the_last_run_began) {
  EXPECT_EQ(due_by_new_interval(50 * step, 10 * step, 12 * step, 5 * interval), 15 * step);
  EXPECT_EQ(due_by_new_interval(11 * step, 10 * step, 10 * step + 1, 9 * interval), 19 * step);
}

TEST(due_by_new_interval, is_now_if_that_has_passed) {
  EXPECT_EQ(due_by_new_interval(50 * step, 10 * step, 12 * step, interval), 12 * step);
}

TEST(due_by_new_interval, of_one_that_has_not_run_only_comes_sooner) {
  EXPECT_EQ(due_by_new_interval(50 * step, 0, 12 * step, 5 * interval), 17 * step);
  EXPECT_EQ(due_by_new_interval(13 * step, 0, 12 * step, 5 * interval), 13 * step);
  EXPECT_EQ(due_by_new_interval(std::numeric_limits<std::int64_t>::max(), 0, step, interval),
            2 * step);
}

std::array<char, worker_extra_size> bound_to(const command &c) {
  worker w;
  bind(w, c);
  return w.extra;
}

TEST(digest, differs_with_every_member_that_a_process_sees) {
  const command c{"e", "w", "SELECT 1", 10, "c", "r", 5, {7, 8}};
  const auto with = [&](auto change) {
    command other = c;
    change(other);
    return bound_to(other);
  };
  EXPECT_EQ(bound_to(c), with([](command &) {}));
  EXPECT_NE(bound_to(c), with([](command &o) { o.sql += ";"; }));
  EXPECT_NE(bound_to(c), with([](command &o) { o.interval = 11; }));
  EXPECT_NE(bound_to(c), with([](command &o) { o.channel = "d"; }));
  EXPECT_NE(bound_to(c), with([](command &o) { o.identity.role = 9; }));
  EXPECT_NE(bound_to(c), with([](command &o) { o.deadline = 0; }));
  EXPECT_NE(bound_to(c),
            with([](command &o) { o.identity.role = 8, o.identity.registered_by = 7; }));
  // a renamed role is the same one
  EXPECT_EQ(bound_to(c), with([](command &o) { o.run_as = "s"; }));
}

}  // namespace
}  // namespace dynpgext::model
