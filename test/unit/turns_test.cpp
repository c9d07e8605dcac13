#include "model/turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

using dynpgext::model::database_id;
using dynpgext::model::turns;

namespace {

struct marked {
  database_id database;
};

// All databases always need it, in this order; a round handles those that fit into 100 of its time.
std::map<database_id, int> handled(const std::map<database_id, std::int64_t> &durations,
                                   int rounds) {
  turns t(1000);
  std::map<database_id, int> result;
  for (int i = 0; i < rounds; ++i) {
    std::vector<marked> databases;
    for (const auto &[database, _] : durations) databases.push_back({database});
    t.order(databases);
    std::int64_t spent = 0;
    bool all = true;
    for (const marked &m : databases) {
      if (spent >= 100) {
        all = false;
        break;
      }
      const std::int64_t duration = durations.at(m.database);
      t.note(m.database, 0, duration);
      spent += duration;
      ++result[m.database];
    }
    if (all) t.end();
  }
  return result;
}

}  // namespace

TEST(turns, the_longest_wait_comes_first) {
  turns t(50);
  std::vector<marked> databases{{3}, {1}, {2}};
  t.order(databases);
  EXPECT_EQ(databases[0].database, 3u);
  EXPECT_EQ(databases[2].database, 2u);
}

TEST(turns, a_database_that_has_had_its_turn_comes_behind_the_others) {
  turns t(50);
  t.note(3, 0, 1);
  std::vector<marked> databases{{3}, {1}, {2}};
  t.order(databases);
  EXPECT_EQ(databases[0].database, 1u);
  EXPECT_EQ(databases[1].database, 2u);
  EXPECT_EQ(databases[2].database, 3u);
}

TEST(turns, large_databases_do_not_keep_small_ones_waiting) {
  const auto result = handled({{1, 500}, {2, 500}, {3, 500}, {9, 1}}, 40);
  for (const database_id d : {1, 2, 3, 9}) EXPECT_GE(result.at(d), 9) << d;
}

TEST(turns, all_are_handled_in_each_round_if_time_allows) {
  const auto result = handled({{1, 10}, {2, 10}, {3, 10}}, 7);
  for (const database_id d : {1, 2, 3}) EXPECT_EQ(result.at(d), 7) << d;
}

TEST(turns, a_database_that_takes_long_waits_for_several_times_its_duration) {
  turns t(50);
  t.note(1, 1000, 60);
  t.note(2, 1000, 50);
  EXPECT_EQ(t.next(1, 1100), 1000 + turns::share * 60);
  EXPECT_EQ(t.next(2, 1100), 0);
  EXPECT_EQ(t.next(1, 1000 + turns::share * 60), 0);
  EXPECT_EQ(t.next(1, 1100), 0) << "once";
}
