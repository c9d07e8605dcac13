// Which session counts as a restore, and when a restore is over.
#include "model/restore.h"

#include <gtest/gtest.h>

#include "model/reconcile.h"
#include "samples.h"

namespace dynpgext::model {
namespace {

using namespace samples;

constexpr session_look dump{true, true, false, false, true};

TEST(restore_look, a_session_with_the_settings_of_a_dump_restores) {
  EXPECT_TRUE(is_restoring(dump, restore_setting::automatic));
}

TEST(restore_look, each_of_them_is_needed) {
  for (const auto change : {+[](session_look &s) { s.is_client = false; },
                            +[](session_look &s) { s.may_restore = false; },
                            +[](session_look &s) { s.checks_function_bodies = true; },
                            +[](session_look &s) { s.has_search_path = true; },
                            +[](session_look &s) { s.hears_only_warnings = false; }}) {
    session_look other = dump;
    change(other);
    EXPECT_FALSE(is_restoring(other, restore_setting::automatic));
  }
}

TEST(restore_look, the_setting_decides_where_it_is_set) {
  const session_look usual{true, true, true, true, false};
  EXPECT_TRUE(is_restoring(usual, restore_setting::on));
  EXPECT_FALSE(is_restoring(usual, restore_setting::automatic));
  EXPECT_FALSE(is_restoring(dump, restore_setting::off));
}

TEST(restore_look, the_setting_gives_nobody_a_right) {
  EXPECT_FALSE(is_restoring({true, false, true, true, false}, restore_setting::on));
  EXPECT_FALSE(is_restoring({false, true, true, true, false}, restore_setting::on));
}

TEST(restore_row, begins_with_a_session) {
  EXPECT_EQ(joined(std::nullopt, 7, restore_setting::automatic), (restore{7, false}));
  EXPECT_EQ(joined(std::nullopt, 7, restore_setting::on), (restore{7, true}));
}

TEST(restore_row, of_another_run_of_the_server_is_taken_over) {
  EXPECT_EQ(joined(restore{6, false}, 7, restore_setting::automatic), (restore{7, false}));
}

TEST(restore_row, brings_dynpgext_in_one_run_of_the_server) {
  const restore brought = joined(std::nullopt, 7, restore_setting::automatic, true);
  EXPECT_TRUE(has_brought_dynpgext(brought, 7));
  EXPECT_TRUE(has_brought_dynpgext(joined(brought, 7, restore_setting::on), 7));
  EXPECT_FALSE(has_brought_dynpgext(brought, 8));
  EXPECT_FALSE(has_brought_dynpgext(joined(brought, 8, restore_setting::on), 8));
  EXPECT_FALSE(has_brought_dynpgext(interrupted(brought), 7));
  EXPECT_FALSE(has_brought_dynpgext(joined(interrupted(brought), 7, restore_setting::on), 7));
  EXPECT_FALSE(has_brought_dynpgext(std::nullopt, 7));
}

TEST(restore_row, until_told_stays_so) {
  EXPECT_EQ(joined(restore{6, true}, 7, restore_setting::automatic), (restore{7, true}));
}

TEST(restore_row, only_one_of_this_run_ends_by_itself) {
  EXPECT_TRUE(ends_with_sessions({7, false}, 7));
  EXPECT_FALSE(ends_with_sessions({7, true}, 7));
  EXPECT_FALSE(ends_with_sessions({6, false}, 7));
}

TEST(restore_row, interrupted_does_not_end_by_itself_and_can_be_taken_over) {
  EXPECT_FALSE(ends_with_sessions(interrupted({7, false}), 7));
  EXPECT_EQ(joined(interrupted({7, false}), 7, restore_setting::automatic), (restore{7, false}));
  EXPECT_TRUE(interrupted({7, true}).until_told);
}

TEST(restore_end, is_not_while_somebody_restores) {
  EXPECT_EQ(over_at({true, false, 0}, 1000), std::nullopt);
  EXPECT_EQ(over_at({true, true, 1}, 1000 + restore_gap), std::nullopt);
}

TEST(restore_end, is_at_once_after_a_single_session) {
  EXPECT_EQ(over_at({false, false, 0}, 1000), 1000);
  EXPECT_EQ(over_at({false, false, 900}, 1000), 900);
}

TEST(restore_end, leaves_pg_restore_time_to_come_back) {
  EXPECT_EQ(over_at({false, true, 0}, 1000), 1000 + restore_gap);
  EXPECT_EQ(over_at({false, true, 900}, 1000), 900 + restore_gap);
}

// ---- effects on workers -------------------------------------------------------------------------

struct worker_in_restore : testing::Test {
  desired_database desired = with_worker(db1, local_worker);
  wanted_worker wanted{&desired.registrations.workers[0], &desired.registrations.extensions[0],
                       db1};
  live_worker live = live_of(desired, worker_state::running);

  worker_in_restore() { wanted.in_restore = true; }
  std::optional<action_kind> decided(worker_state state) {
    live.state = state;
    live.next_start_at = usual.time;
    return decide(&wanted, &live, retrying);
  }
};

TEST_F(worker_in_restore, is_started_in_no_state) {
  EXPECT_EQ(decide(&wanted, nullptr, usual), action_kind::postpone);
  for (const worker_state state : all_worker_states)
    EXPECT_NE(decided(state), action_kind::start) << name_of(state);
}

TEST_F(worker_in_restore, ends_where_it_runs_and_waits_where_it_would_be_restarted) {
  for (const worker_state state :
       {worker_state::starting, worker_state::running, worker_state::unresponsive,
        worker_state::backoff, worker_state::registered})
    EXPECT_EQ(decided(state), action_kind::postpone) << name_of(state);
}

TEST_F(worker_in_restore, keeps_what_somebody_has_said) {
  for (const worker_state state :
       {worker_state::stopping, worker_state::stopped, worker_state::waiting, worker_state::failed})
    EXPECT_EQ(decided(state), std::nullopt) << name_of(state);
  wanted.terms.enabled = false;
  EXPECT_EQ(decided(worker_state::waiting), action_kind::disable);
}

TEST_F(worker_in_restore, starts_when_it_is_over) {
  wanted.in_restore = false;
  EXPECT_EQ(decided(worker_state::waiting), action_kind::start);
}

// The safe mode holds back all workers, as a restore does those of its database.
TEST_F(worker_in_restore, is_treated_as_in_safe_mode) {
  circumstances safe = usual;
  safe.safe_mode = true;
  for (const worker_state state : all_worker_states) {
    live.state = state;
    wanted.in_restore = true;
    const auto in_restore = decide(&wanted, &live, usual);
    wanted.in_restore = false;
    EXPECT_EQ(decide(&wanted, &live, safe), in_restore) << name_of(state);
  }
  EXPECT_EQ(decide(&wanted, nullptr, safe), action_kind::postpone);
}

TEST(global_worker_in_restore, runs_for_another_database) {
  std::vector<desired_database> desired = {with_worker(db1, global_worker),
                                           with_worker(db2, global_worker)};
  desired[0].registrations.under_restore = restore{};
  const auto found = wanted_workers(desired, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].source, db2);
  EXPECT_FALSE(found[0].in_restore);
  desired[1].registrations.under_restore = restore{};
  EXPECT_TRUE(wanted_workers(desired, {})[0].in_restore);
}

}  // namespace
}  // namespace dynpgext::model
