// Versions are totally ordered: all processes agree which of two is higher.
#include "model/version.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace dynpgext::model {
namespace {

// -1, 0 or 1, which GoogleTest can compare and print.
int sign(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }
int order(std::string_view left, std::string_view right) {
  return sign(compare_versions(left, right));
}

// Each is lower than all after it.
const std::vector<std::string> ascending = {
    "beta",
    "",
    "0.1",
    "0.1.1",
    "0.2",
    "0.9",
    "0.10",
    "1.0~dev",
    "1.0-rc1",
    "1.0-rc2",
    "1.0-rc10",
    "1.0beta",
    "1.0",
    "1.0.0",
    "1.0.1",
    "1.1",
    "1.2",
    "1.9",
    "1.10",
    "1.10.2",
    "1.100",
    "2-pre",
    "2",
    "2.0",
    "2_1",
    "3a",
    "3b",
    "3",
    "10",
    "10.0",
    "99",
    "100",
    "20240131",
    "99999999999999999999",
    "100000000000000000000",
};

TEST(version, the_order_is_as_written) {
  // '~' sorts after '-' and letters, like bytes; only its place before the end of a version is
  // guaranteed
  std::vector<std::string> list = ascending;
  std::erase(list, "1.0~dev");
  for (std::size_t i = 0; i < list.size(); ++i)
    for (std::size_t j = 0; j < list.size(); ++j)
      EXPECT_EQ(order(list[i], list[j]), sign(i <=> j)) << list[i] << " " << list[j];
}

TEST(version, what_goes_on_like_a_prerelease_comes_before_its_release) {
  for (const char *prerelease : {"1.0-1", "1.0-rc1", "1.0~1", "1.0~dev", "1.0a", "1.0Z", "1.0beta"})
    EXPECT_LT(order(prerelease, "1.0"), 0) << prerelease;
  for (const char *later : {"1.0.0", "1.0_1", "1.0+1"}) EXPECT_GT(order(later, "1.0"), 0) << later;
}

TEST(version, leading_zeros_count_for_nothing) {
  EXPECT_EQ(order("1.01", "1.1"), 0);
  EXPECT_EQ(order("0", "000"), 0);
  EXPECT_LT(order("1.09", "1.10"), 0);
}

TEST(version, a_number_may_be_of_any_length) {
  const std::string nines(300, '9');
  EXPECT_LT(order(nines, "1" + std::string(300, '0')), 0);
  EXPECT_EQ(order(nines, "0" + nines), 0);
}

TEST(version, bytes_above_127_are_higher_than_ascii) {
  EXPECT_GT(order("1.\xc3\xa4", "1.0"), 0);
  EXPECT_LT(order("1.0", "1.\xc3\xa4"), 0);
}

// All strings of up to three of these, as awkward as versions can be.
std::vector<std::string> nasty() {
  std::vector<std::string> all = {""};
  for (std::size_t from = 0, length = 1; length <= 3; ++length) {
    const std::size_t to = all.size();
    for (; from < to; ++from)
      for (const char c : {'0', '1', '9', '.', '-', '~', 'a', '+'}) all.push_back(all[from] + c);
  }
  all.insert(all.end(), ascending.begin(), ascending.end());
  return all;
}

TEST(version, the_order_is_antisymmetric) {
  const std::vector<std::string> all = nasty();
  for (const std::string &a : all) {
    EXPECT_EQ(order(a, a), 0) << a;
    for (const std::string &b : all) ASSERT_EQ(order(a, b), -order(b, a)) << a << " " << b;
  }
}

TEST(version, the_order_is_transitive) {
  // in the sorted list, every pair must compare like its positions, except ties
  std::vector<std::string> list = nasty();
  std::stable_sort(list.begin(), list.end(),
                   [](const std::string &a, const std::string &b) { return order(a, b) < 0; });
  std::vector<std::size_t> rank(list.size(), 0);
  for (std::size_t i = 1; i < list.size(); ++i)
    rank[i] = rank[i - 1] + (order(list[i - 1], list[i]) < 0 ? 1 : 0);
  for (std::size_t i = 0; i < list.size(); ++i)
    for (std::size_t j = 0; j < list.size(); ++j)
      ASSERT_EQ(order(list[i], list[j]), sign(rank[i] <=> rank[j])) << list[i] << " " << list[j];
}

}  // namespace
}  // namespace dynpgext::model
