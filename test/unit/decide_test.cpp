// The action for a single worker.
#include "model/reconcile.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace dynpgext::model {
namespace {

using namespace samples;

struct decide_worker : testing::Test {
  desired_database desired = with_worker(db1, local_worker);
  wanted_worker wanted{&desired.registrations.workers[0], &desired.registrations.extensions[0],
                       db1};
  live_worker live = live_of(desired, worker_state::running);

  std::optional<action_kind> decided(worker_state state, const circumstances &now) {
    live.state = state;
    return decide(&wanted, &live, now);
  }
};
using decide_quarantined = decide_worker;
using decide_disabled = decide_worker;
using decide_terms = decide_worker;
using decide_backoff = decide_worker;
using decide_stale = decide_worker;

const std::optional<action_kind> nothing;
using decision = std::optional<action_kind>;

// Does the worker wait only to be started?
bool waits_for_its_start(worker_state state) {
  return state == worker_state::registered || state == worker_state::waiting ||
         state == worker_state::disabled || state == worker_state::quarantined;
}

TEST(decide, nothing_wanted_and_nothing_there_is_nothing_to_do) {
  EXPECT_EQ(decide(nullptr, nullptr, usual), std::nullopt);
}

TEST_F(decide_worker, that_nobody_wants_is_stopped_in_every_state) {
  for (const worker_state state : all_worker_states) {
    live.state = state;
    EXPECT_EQ(decide(nullptr, &live, usual), action_kind::stop) << name_of(state);
  }
}

TEST_F(decide_worker, on_its_way_out_is_left_alone) {
  live.leaving = true;
  for (const worker_state state : all_worker_states) {
    EXPECT_EQ(decided(state, retrying), nothing) << name_of(state);
    EXPECT_EQ(decide(nullptr, &live, usual), nothing) << name_of(state);
  }
}

TEST_F(decide_worker, that_is_new_is_started) {
  EXPECT_EQ(decide(&wanted, nullptr, usual), action_kind::start);
}

TEST_F(decide_worker, that_is_as_wanted_is_started_only_when_it_waits_for_that) {
  for (const worker_state state : all_worker_states) {
    live.next_start_at = usual.time + 1;
    EXPECT_EQ(decided(state, usual),
              waits_for_its_start(state) ? decision(action_kind::start) : nothing)
        << name_of(state);
  }
}

TEST_F(decide_worker, that_failed_gets_another_try_only_when_asked_for) {
  EXPECT_EQ(decided(worker_state::failed, usual), nothing);
  EXPECT_EQ(decided(worker_state::failed, retrying), action_kind::start);
  EXPECT_EQ(decided(worker_state::stopped, retrying), nothing);
  EXPECT_EQ(decided(worker_state::running, retrying), nothing);
}

TEST_F(decide_worker, for_the_end_of_recovery_waits_for_it) {
  EXPECT_EQ(decide(&wanted, nullptr, recovering), action_kind::postpone);
  EXPECT_EQ(decided(worker_state::registered, recovering), action_kind::postpone);
  EXPECT_EQ(decided(worker_state::waiting, recovering), nothing);
  const circumstances both{.in_recovery = true, .retry_failed = true};
  EXPECT_EQ(decided(worker_state::failed, both), nothing);
}

TEST_F(decide_worker, for_a_consistent_state_starts_in_recovery) {
  desired.registrations.workers[0].start = 1;
  live.definition.start = 1;
  EXPECT_EQ(decide(&wanted, nullptr, recovering), action_kind::start);
  EXPECT_EQ(decided(worker_state::registered, recovering), action_kind::start);
  EXPECT_EQ(decided(worker_state::waiting, recovering), action_kind::start);
}

TEST_F(decide_worker, with_another_definition_is_replaced) {
  const auto differs = [&](auto change) {
    live = live_of(desired, worker_state::running);
    change(live);
    EXPECT_EQ(decide(&wanted, &live, usual), action_kind::replace);
  };
  differs([](live_worker &l) { l.version = "1.1"; });
  differs([](live_worker &l) { l.incarnation = 2; });
  differs([](live_worker &l) { l.definition.function = "other"; });
  differs([](live_worker &l) { l.definition.library = "other"; });
  differs([](live_worker &l) { l.definition.type = "other"; });
  differs([](live_worker &l) { l.definition.flags = 3; });
  differs([](live_worker &l) { l.definition.start = 1; });
  differs([](live_worker &l) { l.definition.extra[5] = 'x'; });
  differs([](live_worker &l) { l.definition.argument = 1; });
  differs([](live_worker &l) { l.definition.notify = true; });
  differs([](live_worker &l) { l.definition.has_callback = true; });
  differs([](live_worker &l) { l.definition.deadline = 1; });
}

TEST_F(decide_worker, with_another_definition_is_replaced_whatever_it_does) {
  live.version = "0.9";
  for (const worker_state state : all_worker_states) {
    // these have no process, and may not have one: they start anew with the new definition
    const bool set_aside = state == worker_state::disabled || state == worker_state::quarantined;
    EXPECT_EQ(decided(state, usual), set_aside ? action_kind::start : action_kind::replace)
        << name_of(state);
  }
}

TEST_F(decide_worker, of_another_database_with_the_same_definition_keeps_running) {
  live.source = db2;
  live.incarnation = 77;
  EXPECT_EQ(decided(worker_state::running, usual), nothing);
  live.version = "1.1";
  EXPECT_EQ(decided(worker_state::running, usual), action_kind::replace);
}

TEST_F(decide_worker, that_is_hosted_in_another_database_is_replaced_where_it_runs) {
  desired.registrations.workers.at(0).hosted = true;
  live = live_of(desired, worker_state::running);
  EXPECT_EQ(decided(worker_state::running, usual), nothing);
  live.source = db2;
  EXPECT_EQ(decided(worker_state::running, usual), action_kind::replace);
  EXPECT_EQ(decided(worker_state::stopped, usual), nothing);
}

TEST_F(decide_worker, that_is_to_have_another_process_is_replaced) {
  worker &w = desired.registrations.workers.at(0);
  w.hosted = true;
  live = live_of(desired, worker_state::running);
  w.process = worker_process::own;
  EXPECT_EQ(decided(worker_state::running, usual), action_kind::replace);
}

// ---- quarantined -----------------------------------------------------------------------------

TEST_F(decide_quarantined, is_made_so_in_every_state_but_its_own) {
  wanted.quarantined = true;
  EXPECT_EQ(decide(&wanted, nullptr, usual), action_kind::quarantine);
  for (const worker_state state : all_worker_states)
    EXPECT_EQ(decided(state, usual),
              state == worker_state::quarantined ? nothing : decision(action_kind::quarantine))
        << name_of(state);
}

TEST_F(decide_quarantined, comes_before_everything_else) {
  wanted.quarantined = true;
  wanted.terms.enabled = false;
  live.stale = true;
  const circumstances everything{
      .in_recovery = true, .retry_failed = true, .time = 1, .replace_stale = true};
  for (const worker_state state : all_worker_states)
    EXPECT_EQ(decided(state, everything),
              state == worker_state::quarantined ? nothing : decision(action_kind::quarantine))
        << name_of(state);
}

TEST_F(decide_quarantined, is_left_alone_on_its_way_out_and_forgotten_when_nobody_wants_it) {
  wanted.quarantined = true;
  live.state = worker_state::quarantined;
  EXPECT_EQ(decide(nullptr, &live, usual), action_kind::stop);
  live.leaving = true;
  EXPECT_EQ(decided(worker_state::stopping, usual), nothing);
}

TEST_F(decide_quarantined, begins_anew_when_it_is_released) {
  EXPECT_EQ(decided(worker_state::quarantined, usual), action_kind::start);
  EXPECT_EQ(decided(worker_state::quarantined, recovering), action_kind::postpone);
  wanted.terms.enabled = false;
  EXPECT_EQ(decided(worker_state::quarantined, usual), action_kind::disable);
}

// ---- disabled --------------------------------------------------------------------------------

TEST_F(decide_disabled, is_made_so_in_every_state_but_its_own) {
  wanted.terms.enabled = false;
  EXPECT_EQ(decide(&wanted, nullptr, usual), action_kind::disable);
  for (const worker_state state : all_worker_states)
    EXPECT_EQ(decided(state, usual),
              state == worker_state::disabled ? nothing : decision(action_kind::disable))
        << name_of(state);
}

// Its stored definition, which the views show, is the one with which it would run.
TEST_F(decide_disabled, follows_its_definition_and_terms) {
  live.state = worker_state::disabled;
  wanted.terms = {false, restart_policy::always, 5};
  EXPECT_EQ(decided(worker_state::disabled, usual), action_kind::disable);
  live.terms = {true, restart_policy::always, 5};
  EXPECT_EQ(decided(worker_state::disabled, usual), nothing);
  live.version = "0.9";
  EXPECT_EQ(decided(worker_state::disabled, usual), action_kind::disable);
}

TEST_F(decide_disabled, comes_before_all_but_quarantine) {
  wanted.terms.enabled = false;
  live.stale = true;
  const circumstances everything{
      .in_recovery = true, .retry_failed = true, .time = 1, .replace_stale = true};
  for (const worker_state state : all_worker_states)
    EXPECT_EQ(decided(state, everything),
              state == worker_state::disabled ? nothing : decision(action_kind::disable))
        << name_of(state);
}

TEST_F(decide_disabled, is_left_alone_on_its_way_out_and_forgotten_when_nobody_wants_it) {
  wanted.terms.enabled = false;
  live.state = worker_state::disabled;
  EXPECT_EQ(decide(nullptr, &live, usual), action_kind::stop);
  live.leaving = true;
  EXPECT_EQ(decided(worker_state::stopping, usual), nothing);
}

TEST_F(decide_disabled, begins_anew_when_it_is_enabled) {
  EXPECT_EQ(decided(worker_state::disabled, usual), action_kind::start);
  EXPECT_EQ(decided(worker_state::disabled, retrying), action_kind::start);
  EXPECT_EQ(decided(worker_state::disabled, recovering), action_kind::postpone);
  desired.registrations.workers[0].start = 1;
  EXPECT_EQ(decided(worker_state::disabled, recovering), action_kind::start);
}

// ---- other terms -----------------------------------------------------------------------------

TEST_F(decide_terms, that_are_the_same_are_nothing_to_do) {
  wanted.terms = live.terms = {true, restart_policy::on_failure, 250};
  EXPECT_EQ(decided(worker_state::running, usual), nothing);
}

TEST_F(decide_terms, are_taken_over_where_nothing_else_is_to_be_done) {
  live.next_start_at = usual.time + 1;
  const worker_terms others[] = {{true, restart_policy::always, live.terms.restart_delay},
                                 {true, live.terms.restart, 5}};
  for (const worker_terms &terms : others) {
    wanted.terms = terms;
    for (const worker_state state : all_worker_states)
      EXPECT_EQ(decided(state, usual),
                waits_for_its_start(state) ? action_kind::start : action_kind::configure)
          << name_of(state);
  }
}

TEST_F(decide_terms, are_taken_over_by_a_start_or_a_replacement_too) {
  wanted.terms.restart = restart_policy::always;
  EXPECT_EQ(decided(worker_state::failed, retrying), action_kind::start);
  EXPECT_EQ(decided(worker_state::backoff, retrying), action_kind::start);
  EXPECT_EQ(decided(worker_state::stopped, retrying), action_kind::configure);
  live.version = "0.9";
  EXPECT_EQ(decided(worker_state::running, usual), action_kind::replace);
  live.version = "1.0";
  live.stale = true;
  EXPECT_EQ(decided(worker_state::running, replacing_stale), action_kind::replace);
}

TEST_F(decide_terms, of_a_restart_that_is_due_come_first_for_it_may_no_longer_be) {
  wanted.terms.restart_delay = 60000;
  live.next_start_at = 10;
  EXPECT_EQ(decided(worker_state::backoff, {.time = 20}), action_kind::configure);
}

TEST_F(decide_terms, do_not_need_another_process) {
  live.definition.restart = restart_policy::always;
  live.definition.restart_delay = 5;
  EXPECT_EQ(decided(worker_state::running, usual), nothing);
}

TEST_F(decide_terms, are_taken_over_in_recovery) {
  wanted.terms.restart = restart_policy::always;
  for (const worker_state state :
       {worker_state::running, worker_state::failed, worker_state::backoff, worker_state::stopped})
    EXPECT_EQ(decided(state, recovering), action_kind::configure) << name_of(state);
}

// ---- backoff ---------------------------------------------------------------------------------

TEST_F(decide_backoff, ends_at_its_time) {
  live.next_start_at = 1000;
  EXPECT_EQ(decided(worker_state::backoff, {.time = 0}), nothing);
  EXPECT_EQ(decided(worker_state::backoff, {.time = 999}), nothing);
  EXPECT_EQ(decided(worker_state::backoff, {.time = 1000}), action_kind::start);
  EXPECT_EQ(decided(worker_state::backoff, {.time = 1001}), action_kind::start);
}

TEST_F(decide_backoff, ends_with_reload) {
  live.next_start_at = 1000;
  EXPECT_EQ(decided(worker_state::backoff, {.retry_failed = true, .time = 1}), action_kind::start);
}

TEST_F(decide_backoff, lasts_until_recovery_has_finished_where_the_worker_waits_for_that) {
  live.next_start_at = 1000;
  const circumstances due{.in_recovery = true, .time = 2000};
  const circumstances due_and_retrying{.in_recovery = true, .retry_failed = true, .time = 2000};
  EXPECT_EQ(decided(worker_state::backoff, due), nothing);
  EXPECT_EQ(decided(worker_state::backoff, due_and_retrying), nothing);
  desired.registrations.workers[0].start = 1;
  live.definition.start = 1;
  EXPECT_EQ(decided(worker_state::backoff, due), action_kind::start);
  EXPECT_EQ(decided(worker_state::backoff, due_and_retrying), action_kind::start);
}

TEST_F(decide_backoff, is_over_when_another_definition_is_wanted) {
  live.next_start_at = 1000;
  live.version = "0.9";
  EXPECT_EQ(decided(worker_state::backoff, {.time = 1}), action_kind::replace);
}

TEST_F(decide_backoff, is_of_no_other_state) {
  live.next_start_at = 1000;
  for (const worker_state state : all_worker_states)
    if (state != worker_state::backoff && !waits_for_its_start(state)) {
      EXPECT_EQ(decided(state, {.time = 2000}), nothing) << name_of(state);
    }
}

// ---- another file of its library -------------------------------------------------------------

TEST_F(decide_stale, is_replaced_only_when_asked_for) {
  live.stale = true;
  for (const worker_state state :
       {worker_state::starting, worker_state::running, worker_state::unresponsive}) {
    EXPECT_EQ(decided(state, usual), nothing) << name_of(state);
    EXPECT_EQ(decided(state, retrying), nothing) << name_of(state);
    EXPECT_EQ(decided(state, replacing_stale), action_kind::replace) << name_of(state);
  }
  live.stale = false;
  EXPECT_EQ(decided(worker_state::running, replacing_stale), nothing);
}

TEST_F(decide_stale, says_nothing_where_no_process_is) {
  live.stale = true;
  live.next_start_at = 1;
  for (const worker_state state : all_worker_states)
    if (!is_active(state)) {
      EXPECT_EQ(decided(state, replacing_stale), decided(state, usual)) << name_of(state);
    }
}

// ---- recovery --------------------------------------------------------------------------------

TEST_F(decide_worker, in_recovery_is_never_started_when_it_is_for_its_end) {
  const circumstances everything{
      .in_recovery = true, .retry_failed = true, .time = 1000, .replace_stale = true};
  EXPECT_NE(decide(&wanted, nullptr, everything), action_kind::start);
  for (const worker_state state : all_worker_states)
    EXPECT_NE(decided(state, everything), action_kind::start) << name_of(state);
}

// ---- servers ---------------------------------------------------------------------------------

TEST_F(decide_worker, runs_on_the_servers_that_its_author_says) {
  const circumstances standby{.in_recovery = true, .start_after_recovery = 2};
  const circumstances primary{.start_after_recovery = 2};
  struct {
    server_role role;
    std::uint32_t start;
    bool on_primary, on_standby;
  } const cases[] = {
      {server_role::by_start_time, 1, true, true}, {server_role::by_start_time, 2, true, false},
      {server_role::primary, 1, true, false},      {server_role::primary, 2, true, false},
      {server_role::standby, 1, false, true},      {server_role::both, 1, true, true},
  };
  for (const auto &c : cases) {
    worker w;
    w.role = c.role;
    w.start = c.start;
    EXPECT_EQ(runs_here(w, primary), c.on_primary) << name_of(c.role) << ' ' << c.start;
    EXPECT_EQ(runs_here(w, standby), c.on_standby) << name_of(c.role) << ' ' << c.start;
  }
}

TEST(server_role, names_and_values_belong_together) {
  for (const server_role role :
       {server_role::by_start_time, server_role::primary, server_role::standby, server_role::both})
    EXPECT_EQ(server_role_of(name_of(role)), role);
  EXPECT_EQ(server_role_of("none"), server_role::by_start_time);
}

}  // namespace
}  // namespace dynpgext::model
