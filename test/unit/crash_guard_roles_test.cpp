// SQL workers count for their role and database.
#include "crashes.h"

namespace dynpgext::model {
namespace {

using namespace crashes;

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

}  // namespace
}  // namespace dynpgext::model
