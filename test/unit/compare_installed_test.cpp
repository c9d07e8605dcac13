// The effects of CREATE, ALTER and DROP EXTENSION, found by comparison.
#include <gtest/gtest.h>

#include "model/installed.h"
#include "samples.h"

namespace dynpgext::model {
namespace {

using samples::extension_of;

struct change {
  change_kind kind;
  std::string name;
  std::string version;
  bool operator==(const change &) const = default;
};

std::ostream &operator<<(std::ostream &out, const change &c) {
  return out << static_cast<int>(c.kind) << ' ' << c.name << ' ' << c.version;
}

std::vector<change> compared(const std::vector<installed_extension> &installed,
                             const std::vector<extension> &registered, bool only_changed) {
  std::vector<change> result;
  for (const extension_change &c : compare_installed(installed, registered, only_changed))
    result.push_back({c.kind, c.name, c.version});
  return result;
}

using changes = std::vector<change>;

TEST(compare_installed, nothing_and_nothing_gives_nothing) {
  EXPECT_EQ(compared({}, {}, false), changes{});
  EXPECT_EQ(compared({}, {}, true), changes{});
}

TEST(compare_installed, what_is_registered_as_installed_has_not_changed) {
  EXPECT_EQ(compared({{"a", "1.0", false}}, {extension_of("a")}, false), changes{});
  EXPECT_EQ(compared({{"a", "1.0", true}}, {extension_of("a")}, true), changes{});
}

TEST(compare_installed, an_installed_one_without_registration_is_added) {
  EXPECT_EQ(compared({{"a", "1.0", true}}, {}, false), (changes{{change_kind::added, "a", "1.0"}}));
}

TEST(compare_installed, of_what_was_there_before_only_this_transactions_count_when_asked_so) {
  const std::vector<installed_extension> installed = {{"plpgsql", "1.0", false}, {"a", "2", true}};
  EXPECT_EQ(compared(installed, {}, true), (changes{{change_kind::added, "a", "2"}}));
  EXPECT_EQ(compared(installed, {}, false),
            (changes{{change_kind::added, "plpgsql", "1.0"}, {change_kind::added, "a", "2"}}));
}

TEST(compare_installed, another_version_is_an_update_in_either_direction) {
  for (const char *version : {"1.1", "0.9", "1.00", ""})
    EXPECT_EQ(compared({{"a", version, true}}, {extension_of("a")}, true),
              (changes{{change_kind::updated, "a", version}}));
}

TEST(compare_installed, an_update_is_seen_whoever_made_it) {
  EXPECT_EQ(compared({{"a", "1.1", false}}, {extension_of("a")}, true),
            (changes{{change_kind::updated, "a", "1.1"}}));
}

TEST(compare_installed, what_is_no_longer_installed_is_removed_with_its_old_version) {
  for (const bool only_changed : {false, true})
    EXPECT_EQ(compared({}, {extension_of("a", "0.7")}, only_changed),
              (changes{{change_kind::removed, "a", "0.7"}}));
}

TEST(compare_installed, removals_come_first_so_that_names_are_free) {
  EXPECT_EQ(compared({{"c", "1.0", true}, {"b", "2.0", true}},
                     {extension_of("a"), extension_of("b")}, true),
            (changes{{change_kind::removed, "a", "1.0"},
                     {change_kind::added, "c", "1.0"},
                     {change_kind::updated, "b", "2.0"}}));
}

TEST(compare_installed, names_are_compared_byte_by_byte) {
  EXPECT_EQ(compared({{"A", "1.0", true}}, {extension_of("a")}, true),
            (changes{{change_kind::removed, "a", "1.0"}, {change_kind::added, "A", "1.0"}}));
}

TEST(compare_installed, following_the_changes_leaves_none) {
  const std::vector<installed_extension> installed = {{"a", "2", true}, {"c", "1", true}};
  std::vector<extension> registered = {extension_of("a", "1"), extension_of("b", "1")};
  for (const extension_change &c : compare_installed(installed, registered, false)) {
    std::erase_if(registered, [&](const extension &e) { return e.name == c.name; });
    if (c.kind != change_kind::removed) registered.push_back(extension_of(c.name, c.version));
  }
  EXPECT_EQ(compared(installed, registered, false), changes{});
}

}  // namespace
}  // namespace dynpgext::model
