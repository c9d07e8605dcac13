// A command's digest represents it in the worker's definition: different commands have different
// digests.
#include "model/command.h"

#include <gtest/gtest.h>

#include <set>

namespace dynpgext::model {
namespace {

command sample() {
  return {"queue", "sweeper", "select 1", 1000, "jobs", "owner", 5000, {16384, 16385}};
}

std::string text_of(const command &c) {
  worker w;
  bind(w, c);
  return {w.extra.data(), w.extra.size()};
}

TEST(command, has_the_same_digest_each_time) { EXPECT_EQ(text_of(sample()), text_of(sample())); }

TEST(command, has_another_digest_when_anything_that_runs_is_another) {
  std::set<std::string> digests{text_of(sample())};
  const auto add = [&](auto member, auto content) {
    command c = sample();
    c.*member = content;
    EXPECT_TRUE(digests.insert(text_of(c)).second) << digests.size();
  };
  add(&command::sql, "select 2");
  add(&command::sql, "select 1 ");
  add(&command::sql, "");
  add(&command::interval, 1001);
  add(&command::interval, 0);
  add(&command::channel, "Jobs");
  add(&command::channel, "");
  add(&command::identity, command_identity{16385, 16385});
  add(&command::identity, command_identity{16384, 16384});
  add(&command::identity, command_identity{16384, 16385, true});
  add(&command::identity, command_identity{16384, 16385, false, true});
  add(&command::identity, command_identity{16384, 16385, false, false, true});
  add(&command::identity, command_identity{});
  add(&command::deadline, 5001);
  add(&command::deadline, 0);
  add(&command::atomic, false);
}

TEST(command, keeps_its_digest_when_only_its_first_run_changes) {
  command c = sample();
  c.first_run = after_interval;
  EXPECT_EQ(text_of(c), text_of(sample()));
}

TEST(command, is_the_workers_whose_role_is_its_own) {
  worker w;
  w.hosted = true;
  bind(w, sample());
  EXPECT_EQ(w.argument, 16384U);
  EXPECT_TRUE(is_bound(w, sample()));
  command c = sample();
  c.identity.role = 16386;
  EXPECT_FALSE(is_bound(w, c));
  c = sample();
  c.sql += ";";
  EXPECT_FALSE(is_bound(w, c));
}

TEST(command, has_another_digest_when_text_moves_from_one_member_to_the_next) {
  std::set<std::string> digests;
  const std::string all = "1:a1:";
  for (std::size_t i = 0; i <= all.size(); ++i) {
    command c;
    c.sql = all.substr(0, i);
    c.channel = all.substr(i);
    EXPECT_TRUE(digests.insert(text_of(c)).second) << i;
  }
  command c;
  c.interval = 11;
  c.deadline = 1;
  digests.insert(text_of(c));
  c.interval = 1;
  c.deadline = 11;
  EXPECT_TRUE(digests.insert(text_of(c)).second);
}

TEST(command, is_another_worker_when_its_digest_is_another) {
  worker a;
  a.hosted = true;
  worker b = a;
  command c = sample();
  bind(a, c);
  c.sql += ";";
  bind(b, c);
  EXPECT_FALSE(same_process(a, b));
}

TEST(command, leaves_a_digest_that_ends_within_its_room) {
  const std::string digest = text_of(sample());
  EXPECT_EQ(digest.find('\0'), 32U);
  EXPECT_EQ(digest.find_first_not_of('\0', 32), std::string::npos);
}

}  // namespace
}  // namespace dynpgext::model
