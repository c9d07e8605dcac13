// Processes that initialise memory and wait for each other: which are in a cycle?
#include "model/claims.h"

#include <gtest/gtest.h>

namespace dynpgext::model {
namespace {

claim made(const char *name, int process) { return {.name = name, .process = process}; }
claim waiting(const char *name, int process, const char *awaited) {
  return {.name = name, .process = process, .awaited = awaited};
}

TEST(claims, who_waits_for_nothing_is_in_no_circle) {
  const std::vector<claim> all = {made("x", 1), waiting("y", 2, "x")};
  EXPECT_TRUE(find_circle(all, 1).empty());
  EXPECT_TRUE(find_circle(all, 3).empty());
}

TEST(claims, a_chain_is_no_circle) {
  const std::vector<claim> all = {waiting("x", 1, "y"), waiting("y", 2, "z"), made("z", 3)};
  EXPECT_TRUE(find_circle(all, 1).empty());
  EXPECT_TRUE(find_circle(all, 2).empty());
}

TEST(claims, what_nobody_makes_ends_a_chain) {
  EXPECT_TRUE(find_circle(std::vector<claim>{waiting("x", 1, "gone")}, 1).empty());
}

TEST(claims, two_that_wait_for_each_other_are_a_circle) {
  const std::vector<claim> all = {waiting("x", 1, "y"), waiting("y", 2, "x")};
  EXPECT_EQ(find_circle(all, 1), all);
  EXPECT_EQ(find_circle(all, 2), (std::vector<claim>{all[1], all[0]}));
}

TEST(claims, so_are_three) {
  const std::vector<claim> all = {waiting("x", 1, "y"), waiting("y", 2, "z"), waiting("z", 3, "x"),
                                  waiting("other", 4, "x")};
  EXPECT_EQ(find_circle(all, 1), (std::vector<claim>{all[0], all[1], all[2]}));
  EXPECT_EQ(find_circle(all, 3), (std::vector<claim>{all[2], all[0], all[1]}));
}

TEST(claims, who_waits_for_a_circle_is_not_in_it) {
  const std::vector<claim> all = {waiting("x", 1, "y"), waiting("y", 2, "x"), waiting("z", 3, "x")};
  EXPECT_TRUE(find_circle(all, 3).empty());
}

TEST(claims, a_process_waits_with_all_its_claims) {
  const std::vector<claim> all = {waiting("x1", 1, "y"), waiting("x2", 1, "y"),
                                  waiting("y", 2, "x2")};
  const std::vector<claim> circle = find_circle(all, 1);
  ASSERT_EQ(circle.size(), 2U);
  EXPECT_EQ(circle[0], all[1]);  // the one waited for
  EXPECT_EQ(circle[1], all[2]);
  const std::vector<claim> other = find_circle(all, 2);
  ASSERT_EQ(other.size(), 2U);
  EXPECT_EQ(other[1], all[1]);
}

TEST(claims, a_name_is_one_of_its_home) {
  const std::vector<claim> all = {
      {.home = 5, .name = "x", .process = 1, .awaited_home = 5, .awaited = "y"},
      {.home = 5, .name = "y", .process = 2, .awaited_home = 6, .awaited = "x"},
      {.home = 6, .name = "x", .process = 3, .awaited_home = 0, .awaited = {}}};
  EXPECT_TRUE(find_circle(all, 1).empty());
}

}  // namespace
}  // namespace dynpgext::model
