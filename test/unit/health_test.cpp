// Which states count as problems.
#include "model/health.h"

#include <gtest/gtest.h>

namespace dynpgext::model {
namespace {

using state = worker_state;

worker_condition worker(state s, std::int64_t lasts = 0) {
  worker_condition w;
  w.state = s;
  w.lasts = lasts;
  w.extension = "queue";
  w.name = "it's me";
  return w;
}

std::string word(const std::optional<complaint> &c) {
  return c ? c->problem.substr(0, c->problem.find(':')) : "";
}

TEST(health, of_a_worker_that_does_what_it_should_is_good) {
  for (const state s : {state::registered, state::starting, state::running, state::stopping,
                        state::stopped, state::disabled, state::waiting, state::backoff})
    EXPECT_EQ(complaint_of(worker(s, 1000 * second)), std::nullopt) << name_of(s);
}

TEST(health, has_a_problem_with_the_reason_and_the_call_that_ends_it) {
  worker_condition w = worker(state::failed);
  w.error = "22012: division by zero";
  const auto failed = complaint_of(w);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->level, severity::critical);
  EXPECT_EQ(failed->problem,
            "failed: worker of extension \"queue\" has ended: 22012: division by zero");
  EXPECT_EQ(failed->remedy,
            "Repair the cause, then SELECT dynpgext.restart_worker('queue', 'it''s me')");
  w.error = {};
  w.exit_code = 3;
  EXPECT_NE(complaint_of(w)->problem.find("exit code 3"), std::string::npos);
}

TEST(health, of_a_silent_worker_is_critical_and_told_before_its_late_end) {
  worker_condition w = worker(state::unresponsive);
  w.deadline = 700;
  EXPECT_EQ(word(complaint_of(w)), "unresponsive");
  w.overdue = true;
  EXPECT_EQ(word(complaint_of(w)), "unresponsive");
  EXPECT_NE(complaint_of(w)->problem.find("700 ms"), std::string::npos);
  w.state = state::stopping;
  EXPECT_EQ(word(complaint_of(w)), "stopping");
}

TEST(health, has_a_run_that_keeps_others_waiting) {
  worker_condition w = worker(state::running);
  w.runs_for = 90 * second;
  EXPECT_EQ(word(complaint_of(w)), "") << "nobody waits";
  w.delays = 1;
  w.failing = true;
  const auto found = complaint_of(w);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->level, severity::warning);
  EXPECT_EQ(
      found->problem,
      "delaying: SQL worker of extension \"queue\" has run for 90 s and delays 1 other of its "
      "process");
  EXPECT_EQ(found->remedy, "Give it \"process\": \"own\" or a deadline in its manifest; SELECT "
                           "dynpgext.stop_worker('queue', 'it''s me') ends the run");
  w.delays = 2;
  EXPECT_NE(complaint_of(w)->problem.find("2 others"), std::string::npos);
}

TEST(health, says_since_when_of_the_problem_that_it_shows) {
  worker_condition w = worker(state::running);
  w.failing = true;
  EXPECT_EQ(complaint_of(w)->since, origin::failure);
  w.delays = 1;
  EXPECT_EQ(complaint_of(w)->since, origin::run);
  w.overdue = true;
  EXPECT_EQ(word(complaint_of(w)), "stopping");
  EXPECT_EQ(complaint_of(w)->since, origin::signal);
  w.overdue = false;
  w.short_runs = most_short_runs;
  EXPECT_EQ(word(complaint_of(w)), "backoff");
  EXPECT_EQ(complaint_of(w)->since, origin::state);
  w = worker(state::waiting, longest_wait);
  w.waits_for = "max_worker_processes";
  w.failing = true;
  EXPECT_EQ(word(complaint_of(w)), "waiting");
  EXPECT_EQ(complaint_of(w)->since, origin::state);
}

TEST(health, lets_a_worker_wait_for_a_place_for_a_moment) {
  worker_condition w = worker(state::waiting, longest_wait - 1);
  w.waits_for = "max_worker_processes";
  EXPECT_EQ(word(complaint_of(w)), "");
  w.lasts = longest_wait;
  EXPECT_EQ(word(complaint_of(w)), "waiting");
  EXPECT_NE(complaint_of(w)->remedy.find("max_worker_processes"), std::string::npos);
  w.takes_turns = true;
  EXPECT_EQ(word(complaint_of(w)), "");
  w.lasts = 6 * longest_wait;
  EXPECT_EQ(word(complaint_of(w)), "waiting");
}

TEST(health, lets_a_worker_wait_for_anything_else_for_any_time) {
  EXPECT_EQ(word(complaint_of(worker(state::waiting, 100000 * second))), "");
}

// Otherwise every start would raise an alert and end it.
TEST(health, of_one_that_ends_again_and_again_is_bad_while_it_is_up_for_a_moment_too) {
  worker_condition w = worker(state::backoff, 100 * second);
  w.short_runs = most_short_runs - 1;
  EXPECT_EQ(word(complaint_of(w)), "");
  w.short_runs = most_short_runs;
  EXPECT_EQ(word(complaint_of(w)), "backoff");
  for (const state s : {state::starting, state::running}) {
    w.state = s;
    w.lasts = longest_wait - 1;
    EXPECT_EQ(word(complaint_of(w)), "backoff") << name_of(s);
    w.lasts = longest_wait;
    EXPECT_EQ(word(complaint_of(w)), "") << name_of(s);
  }
}

TEST(health, of_workers_knows_commands_that_fail_and_libraries_that_were_replaced) {
  worker_condition w = worker(state::running, 100 * second);
  w.stale = true;
  EXPECT_EQ(word(complaint_of(w)), "stale");
  w.failing = true;
  EXPECT_EQ(word(complaint_of(w)), "failing");
  EXPECT_EQ(complaint_of(w)->level, severity::warning);
}

TEST(health, of_extensions_and_libraries_says_which_call_ends_it) {
  extension_condition e{.state = extension_state::failed, .name = "x", .error = "no file"};
  EXPECT_EQ(complaint_of(e)->problem, "failed: no file");
  EXPECT_NE(complaint_of(e)->remedy.find("dynpgext.reload('x')"), std::string::npos);
  e.is_library = true;
  EXPECT_NE(complaint_of(e)->remedy.find("dynpgext.rehost('x')"), std::string::npos);
  e.is_refused = true;
  EXPECT_NE(complaint_of(e)->remedy.find("dynpgext.unhost('x')"), std::string::npos);
  e.state = extension_state::quarantined;
  EXPECT_EQ(word(complaint_of(e)), "quarantined");
  EXPECT_NE(complaint_of(e)->remedy.find("dynpgext.release('x')"), std::string::npos);
  for (const extension_state s :
       {extension_state::pending, extension_state::provisioned, extension_state::unloaded}) {
    e.state = s;
    EXPECT_EQ(complaint_of(e), std::nullopt);
  }
  e.stale = true;
  EXPECT_EQ(word(complaint_of(e)), "stale");
}

TEST(health, of_provisioning_is_bad_when_it_lasts) {
  EXPECT_EQ(complaint_of_code(longest_code - 1, 7, 0), std::nullopt);
  EXPECT_EQ(word(complaint_of_code(longest_code, 7, 0)), "provisioning");
  EXPECT_NE(complaint_of_code(longest_code, 7, 60000)->remedy.find("60000 ms"), std::string::npos);
  EXPECT_EQ(complaint_of_visits(most_failed_visits - 1), std::nullopt);
  EXPECT_EQ(word(complaint_of_visits(most_failed_visits)), "provisioning");
  EXPECT_EQ(complaint_of_hunger(longest_wait - 1), std::nullopt);
  EXPECT_EQ(word(complaint_of_hunger(longest_wait)), "provisioning");
}

TEST(health, of_memory_goes_by_the_share_that_is_used) {
  EXPECT_EQ(complaint_of_memory(1000, UINT64_MAX, "x"), std::nullopt);
  EXPECT_EQ(complaint_of_memory(899, 1000, "x"), std::nullopt);
  EXPECT_EQ(complaint_of_memory(900, 1000, "x")->level, severity::warning);
  EXPECT_EQ(complaint_of_memory(979, 1000, "x")->level, severity::warning);
  EXPECT_EQ(complaint_of_memory(980, 1000, "x")->level, severity::critical);
  EXPECT_EQ(complaint_of_memory(0, 0, "x"), std::nullopt);
  EXPECT_EQ(complaint_of_memory(1, 0, "x")->level, severity::critical);
}

TEST(health, lets_memory_drain_for_a_moment) {
  EXPECT_EQ(complaint_of_draining(longest_drain - 1, 2), std::nullopt);
  EXPECT_NE(complaint_of_draining(longest_drain, 2)->problem.find("by 2 processes"),
            std::string::npos);
  EXPECT_NE(complaint_of_draining(longest_drain, 1)->problem.find("by 1 process"),
            std::string::npos);
}

// Alerts match the keyword.
TEST(health, begins_each_problem_with_a_word_and_a_colon) {
  EXPECT_EQ(word(complaint_of_launcher(true)), "launcher");
  EXPECT_NE(complaint_of_launcher(false).remedy, complaint_of_launcher(true).remedy);
  EXPECT_EQ(word(complaint_of_guard()), "guard");
  EXPECT_EQ(word(complaint_of_restore()), "restore");
  EXPECT_EQ(word(complaint_of_safe_mode()), "safe mode");
}

}  // namespace
}  // namespace dynpgext::model
