// Plans for disabled, quarantined, configured or restarted workers.
#include "model/reconcile.h"

#include <gtest/gtest.h>

#include "plans.h"

namespace dynpgext::model {
namespace {

using namespace samples;

// One local worker of a provisioned extension.
struct reconcile_supervised : testing::Test {
  desired_database d = with_worker(db1, local_worker);
  live_state live;

  reconcile_supervised() {
    live.extensions = {provisioned(db1)};
    live.workers = {live_of(d, worker_state::running)};
    live.workers[0].ticket = 42;
  }
  actions planned(const circumstances &now = usual) { return reconcile(db1, {d}, live, now); }
  static action for_worker(action_kind kind, const std::string &detail, std::int64_t since = 0) {
    return {kind, object_kind::worker, db1, "a", "w", detail, 42, false, since};
  }
};

TEST_F(reconcile_supervised, a_switched_off_worker_is_disabled_once_and_enabled_again) {
  d.registrations.settings = {settings_of(local_worker, false)};
  EXPECT_EQ(planned(), actions{for_worker(action_kind::disable, "by configure_worker()")});
  live.workers[0].state = worker_state::disabled;
  EXPECT_EQ(planned(), actions{});
  EXPECT_EQ(planned(retrying), actions{});
  d.registrations.settings.clear();
  EXPECT_EQ(planned(), actions{for_worker(action_kind::start, "was disabled")});
  EXPECT_EQ(planned(recovering),
            actions{for_worker(action_kind::postpone, "until recovery has finished")});
}

TEST_F(reconcile_supervised, a_switched_off_worker_that_never_ran_is_disabled_too) {
  d.registrations.settings = {settings_of(local_worker, false)};
  live.workers.clear();
  EXPECT_EQ(in_short(planned()), list{"disable worker 101 a.w"});
  live.extensions.clear();
  EXPECT_EQ(in_short(planned()), (list{"disable worker 101 a.w", "provision extension 101 a.a"}));
}

TEST_F(reconcile_supervised, a_quarantined_worker_is_marked_once_and_released) {
  live.quarantined = {{db1, "a", "w"}};
  EXPECT_EQ(planned(), actions{for_worker(action_kind::quarantine, "until release()")});
  live.workers[0].state = worker_state::quarantined;
  EXPECT_EQ(planned(), actions{});
  EXPECT_EQ(planned(retrying), actions{});
  live.quarantined.clear();
  EXPECT_EQ(planned(), actions{for_worker(action_kind::start, "was quarantined")});
}

TEST_F(reconcile_supervised, a_quarantined_worker_leaves_the_others_of_its_extension_alone) {
  d.registrations.workers.push_back(worker_of("a", "x", scope::database));
  live.quarantined = {{db1, "a", "w"}};
  EXPECT_EQ(in_short(planned()), (list{"quarantine worker 101 a.w", "start worker 101 a.x"}));
}

TEST_F(reconcile_supervised, a_quarantined_extension_takes_all_its_workers_along) {
  d.registrations.workers.push_back(worker_of("a", "x", scope::database));
  live.extensions[0].state = extension_state::quarantined;
  EXPECT_EQ(in_short(planned()), (list{"quarantine worker 101 a.w", "quarantine worker 101 a.x"}));
  live.workers = {live_of(d, worker_state::quarantined)};
  live.extensions.clear();  // released: pending again
  EXPECT_EQ(in_short(planned()),
            (list{"provision extension 101 a.a", "start worker 101 a.w", "start worker 101 a.x"}));
}

TEST_F(reconcile_supervised, what_is_switched_off_needs_no_provisioned_extension) {
  live.extensions[0].state = extension_state::failed;
  d.registrations.settings = {settings_of(local_worker, {}, restart_policy::always)};
  EXPECT_EQ(in_short(planned()), list{"configure worker 101 a.w"});
  d.registrations.settings = {settings_of(local_worker, false)};
  EXPECT_EQ(in_short(planned()), list{"disable worker 101 a.w"});
  live.quarantined = {{db1, "a", "w"}};
  EXPECT_EQ(in_short(planned()), list{"quarantine worker 101 a.w"});
}

TEST_F(reconcile_supervised, what_is_switched_on_again_waits_for_its_extension) {
  live.extensions[0].state = extension_state::failed;
  for (const worker_state state : {worker_state::disabled, worker_state::quarantined}) {
    live.workers[0].state = state;
    EXPECT_EQ(planned(), actions{});
    EXPECT_EQ(planned(recovering), actions{});
  }
}

TEST_F(reconcile_supervised, other_terms_are_said_and_need_no_other_process) {
  d.registrations.settings = {settings_of(local_worker, {}, restart_policy::on_failure, 2500)};
  EXPECT_EQ(planned(),
            actions{for_worker(action_kind::configure, "restart on_failure, delay 2500 ms")});
  live.workers[0].terms = {true, restart_policy::on_failure, 2500};
  EXPECT_EQ(planned(), actions{});
  d.registrations.settings.clear();  // back to the author's terms
  EXPECT_EQ(planned(), actions{for_worker(action_kind::configure, "restart never, delay 1000 ms")});
}

TEST_F(reconcile_supervised, an_author_who_changes_the_terms_only_needs_no_other_process) {
  d.registrations.workers[0].restart = restart_policy::always;
  EXPECT_EQ(planned(),
            actions{for_worker(action_kind::configure, "restart always, delay 1000 ms")});
  d.registrations.workers[0].deadline = 1000;  // its process must know it
  EXPECT_EQ(in_short(planned()), list{"replace worker 101 a.w"});
}

TEST_F(reconcile_supervised, a_restart_takes_place_when_it_is_due) {
  live.workers[0].state = worker_state::backoff;
  live.workers[0].next_start_at = 1000;
  EXPECT_EQ(planned({.time = 999}), actions{});
  EXPECT_EQ(planned({.time = 1000}), actions{for_worker(action_kind::start, "was backoff", 1000)});
  EXPECT_EQ(planned({.in_recovery = true, .time = 1000}), actions{});
  EXPECT_EQ(planned(retrying), actions{for_worker(action_kind::start, "was backoff", 1000)});
  live.extensions[0].state = extension_state::failed;
  EXPECT_EQ(planned({.time = 1000}), actions{});
}

TEST_F(reconcile_supervised, one_at_rest_gets_a_process_when_it_is_due) {
  live.workers[0].state = worker_state::running;
  live.workers[0].at_rest = true;
  live.workers[0].next_start_at = 1000;
  EXPECT_EQ(planned({.time = 999}), actions{});
  EXPECT_EQ(planned({.time = 1000}), actions{for_worker(action_kind::start, "is due", 1000)});
  // the extension's failure does not affect its running workers either
  live.extensions[0].state = extension_state::failed;
  EXPECT_EQ(planned({.time = 1000}), actions{for_worker(action_kind::start, "is due", 1000)});
}

TEST_F(reconcile_supervised, whoever_has_waited_for_longest_starts_first) {
  const worker first = d.registrations.workers[0];
  const live_worker known = live.workers[0];
  for (const char *name : {"b", "c", "d"}) {
    d.registrations.workers.push_back(first);
    d.registrations.workers.back().name = name;
    live.workers.push_back(known);
    live.workers.back().definition.name = name;
  }
  d.registrations.workers[0].name = live.workers[0].definition.name = "a";
  const auto rests = [](live_worker &w, std::int64_t since) {
    w.state = worker_state::running;
    w.at_rest = true;
    w.next_start_at = since;
  };
  const auto waits = [](live_worker &w, std::int64_t since) {
    w.state = worker_state::waiting;
    w.waits_since = since;
  };
  rests(live.workers[0], 900);
  waits(live.workers[1], 800);
  rests(live.workers[2], 700);
  waits(live.workers[3], 950);
  EXPECT_EQ(in_short(planned({.time = 1000})),
            (list{"start worker 101 a.c", "start worker 101 a.b", "start worker 101 a.a",
                  "start worker 101 a.d"}));
}

TEST_F(reconcile_supervised, a_restart_that_is_due_takes_place_from_the_launcher_too) {
  live.workers[0].state = worker_state::backoff;
  live.workers[0].next_start_at = 1000;
  const circumstances due{.workers_only = true, .time = 1000};
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, due)), list{"start worker 101 a.w"});
  EXPECT_EQ(reconcile(db2, {d}, live, due), actions{});
}

TEST_F(reconcile_supervised, another_file_of_the_library_counts_only_when_asked_for) {
  live.workers[0].stale = true;
  EXPECT_EQ(planned(), actions{});
  EXPECT_EQ(planned(replacing_stale),
            actions{for_worker(action_kind::replace, "the file of its library has changed")});
  d.registrations.extensions[0].version = "1.1";
  EXPECT_EQ(planned(replacing_stale), actions{for_worker(action_kind::replace, "version 1.1")});
}

TEST(reconcile, what_the_dba_sets_in_one_database_holds_for_a_global_worker_everywhere) {
  desired_database one = with_worker(db1, global_worker);
  desired_database two = with_worker(db2, global_worker);
  two.registrations.settings = {settings_of(global_worker, false)};
  live_state live;
  live.extensions = {provisioned(db1), provisioned(db2)};
  live.workers = {live_of(one, worker_state::running)};
  for (const database_id where : {db1, db2})
    EXPECT_EQ(in_short(reconcile(where, {one, two}, live, usual)), list{"disable worker 0 a.w"});
  live.workers[0].state = worker_state::disabled;
  EXPECT_EQ(reconcile(db1, {one, two}, live, usual), actions{});
  // the database that has disabled it is dropped, with its setting
  EXPECT_EQ(in_short(reconcile(db1, {one}, live, usual)), list{"start worker 0 a.w"});
}

TEST(reconcile, a_global_worker_moves_to_a_database_whose_extension_is_not_quarantined) {
  const desired_database one = with_worker(db1, global_worker);
  const desired_database two = with_worker(db2, global_worker, "0.9");
  live_state live;
  live.extensions = {{db1, "a", extension_state::quarantined}, provisioned(db2)};
  live.workers = {live_of(one, worker_state::running)};
  EXPECT_EQ(
      reconcile(db2, {one, two}, live, usual),
      (actions{{action_kind::replace, object_kind::worker, no_database, "a", "w", "version 0.9"}}));
}

}  // namespace
}  // namespace dynpgext::model
