// Whole plans: registrations compared with the live state.  Supervision of workers is in
// reconcile_supervision_test.cpp; decisions about one worker in decide_test.cpp, about its
// registrants in wanted_workers_test.cpp, and about one allocation in compare_test.cpp; properties
// of all plans in reconcile_property_test.cpp.
#include "model/reconcile.h"

#include <gtest/gtest.h>

#include "plans.h"

namespace dynpgext::model {
namespace {

using namespace samples;

TEST(reconcile, for_workers_only_none_of_a_pending_extension_starts) {
  const std::vector<desired_database> desired = {with_worker(db1, local_worker)};
  circumstances workers_only;
  workers_only.workers_only = true;
  EXPECT_TRUE(reconcile(db1, desired, {}, workers_only).empty());
  EXPECT_FALSE(reconcile(db1, desired, {}, usual).empty());
  live_state ready;
  ready.extensions = {provisioned(db1)};
  ASSERT_EQ(reconcile(db1, desired, ready, workers_only).size(), 1u);
  EXPECT_EQ(reconcile(db1, desired, ready, workers_only)[0].kind, action_kind::start);
}

TEST(reconcile, nothing_registered_and_nothing_live_is_nothing_to_do) {
  EXPECT_EQ(reconcile(db1, {}, {}, usual), actions{});
  EXPECT_EQ(reconcile(db1, {}, {}, retrying), actions{});
}

TEST(reconcile, what_is_as_registered_is_left_alone) {
  desired_database d = with_worker(db1, local_worker);
  d.registrations.allocations = {local_memory, allocation_of("a", "g", scope::global)};
  live_state live;
  live.workers = {live_of(d, worker_state::running)};
  live.allocations = {{db1, "m", "a", 64, db1, 1}, {no_database, "g", "a", 64, db1, 1}};
  live.extensions = {provisioned(db1)};
  for (const circumstances &now : {usual, retrying, recovering})
    EXPECT_EQ(reconcile(db1, {d}, live, now), actions{});
}

TEST(reconcile, a_new_extension_is_provisioned_then_its_worker_started) {
  desired_database d = with_worker(db1, local_worker);
  d.registrations.allocations = {local_memory};
  EXPECT_EQ(reconcile(db1, {d}, {}, usual),
            (actions{{action_kind::provision, object_kind::extension, db1, "a", "a", "version 1.0"},
                     {action_kind::allocate, object_kind::allocation, db1, "a", "m", "64 bytes"},
                     {action_kind::start, object_kind::worker, db1, "a", "w", ""}}));
}

TEST(reconcile, an_extension_that_registers_nothing_is_provisioned_once) {
  desired_database d;
  d.database = db1;
  d.registrations.extensions = {extension_of("a")};
  live_state live;
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, usual)), list{"provision extension 101 a.a"});
  live.extensions = {provisioned(db1)};
  EXPECT_EQ(reconcile(db1, {d}, live, usual), actions{});
}

TEST(reconcile, a_provisioned_extension_that_lacks_memory_is_provisioned_again) {
  const desired_database d = with_allocation(db1, local_memory);
  live_state live;
  live.extensions = {provisioned(db1)};
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, usual)),
            (list{"provision extension 101 a.a", "allocate allocation 101 a.m"}));
}

TEST(reconcile, states_of_extensions_decide_whether_they_are_provisioned) {
  const desired_database d = with_allocation(db1, local_memory);
  const auto count = [&](extension_state state, const circumstances &now) {
    live_state live;
    live.extensions = {{db1, "a", state}};
    return reconcile(db1, {d}, live, now).size();
  };
  EXPECT_EQ(count(extension_state::pending, usual), 2u);
  EXPECT_EQ(count(extension_state::provisioned, usual), 2u);
  EXPECT_EQ(count(extension_state::failed, usual), 0u);
  EXPECT_EQ(count(extension_state::failed, retrying), 2u);
  EXPECT_EQ(count(extension_state::quarantined, usual), 0u);
  EXPECT_EQ(count(extension_state::quarantined, retrying), 0u);
}

TEST(reconcile, the_state_of_the_extension_elsewhere_says_nothing) {
  const desired_database d = with_allocation(db1, local_memory);
  live_state live;
  live.extensions = {{db2, "a", extension_state::failed}, provisioned(db1, "b")};
  EXPECT_EQ(reconcile(db1, {d}, live, usual).size(), 2u);
}

TEST(reconcile, workers_start_only_when_their_extension_is_or_gets_provisioned) {
  const desired_database d = with_worker(db1, local_worker);
  const auto planned = [&](extension_state state, const circumstances &now) {
    live_state live;
    live.extensions = {{db1, "a", state}};
    return in_short(reconcile(db1, {d}, live, now));
  };
  EXPECT_EQ(planned(extension_state::provisioned, usual), list{"start worker 101 a.w"});
  EXPECT_EQ(planned(extension_state::pending, usual),
            (list{"provision extension 101 a.a", "start worker 101 a.w"}));
  EXPECT_EQ(planned(extension_state::failed, usual), list{});
  EXPECT_EQ(planned(extension_state::failed, retrying),
            (list{"provision extension 101 a.a", "start worker 101 a.w"}));
  EXPECT_EQ(planned(extension_state::quarantined, retrying), list{"quarantine worker 101 a.w"});
}

TEST(reconcile, the_worker_of_a_failed_extension_is_neither_replaced_nor_forgotten) {
  desired_database d = with_worker(db1, local_worker);
  live_state live;
  live.workers = {live_of(d, worker_state::running)};
  live.extensions = {{db1, "a", extension_state::failed}};
  d.registrations.extensions[0].version = "1.1";
  EXPECT_EQ(reconcile(db1, {d}, live, usual), actions{});
}

TEST(reconcile, a_worker_is_stopped_even_when_its_extension_is_unknown) {
  live_state live;
  live.workers = {live_of(with_worker(db1, local_worker), worker_state::running)};
  EXPECT_EQ(reconcile(db1, {}, live, usual), (actions{{action_kind::stop, object_kind::worker, db1,
                                                       "a", "w", "no longer registered"}}));
}

TEST(reconcile, a_leaving_worker_that_is_wanted_again_starts_when_it_has_gone) {
  const desired_database d = with_worker(db1, local_worker, "1.0", 2);
  live_state live;
  live.extensions = {provisioned(db1)};
  live.workers = {live_of(with_worker(db1, local_worker), worker_state::stopping)};
  live.workers[0].leaving = true;
  EXPECT_EQ(reconcile(db1, {d}, live, usual), actions{});
  live.workers.clear();
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, usual)), list{"start worker 101 a.w"});
}

TEST(reconcile, drop_and_create_replaces_worker_and_memory) {
  desired_database before = with_worker(db1, local_worker);
  before.registrations.allocations = {local_memory};
  desired_database after = before;
  after.registrations.extensions[0].incarnation = 2;
  live_state live;
  live.workers = {live_of(before, worker_state::running)};
  live.allocations = {memory_of(before)};
  live.extensions = {provisioned(db1)};
  EXPECT_EQ(in_short(reconcile(db1, {after}, live, usual)),
            (list{"replace allocation 101 a.m", "replace worker 101 a.w",
                  "provision extension 101 a.a"}));
}

TEST(reconcile, an_update_keeps_memory_and_replaces_workers) {
  desired_database d = with_worker(db1, local_worker);
  d.registrations.allocations = {local_memory};
  live_state live;
  live.workers = {live_of(d, worker_state::running)};
  live.allocations = {memory_of(d)};
  live.extensions = {provisioned(db1)};
  d.registrations.extensions[0].version = "1.1";
  EXPECT_EQ(reconcile(db1, {d}, live, usual),
            (actions{{action_kind::replace, object_kind::worker, db1, "a", "w", "version 1.1"}}));
}

TEST(reconcile, memory_that_nobody_registers_drains) {
  live_state live;
  live.allocations = {memory_of(with_allocation(db1, local_memory)),
                      {no_database, "g", "a", 64, db2, 1}};
  EXPECT_EQ(
      reconcile(db1, {}, live, usual),
      (actions{{action_kind::drain, object_kind::allocation, db1, "a", "m", "no longer registered"},
               {action_kind::drain, object_kind::allocation, no_database, "a", "g",
                "no longer registered"}}));
}

TEST(reconcile, global_memory_stays_as_long_as_one_database_has_it) {
  const desired_database d = with_allocation(db2, global_memory);
  live_state live;
  live.allocations = {memory_of(with_allocation(db1, global_memory))};
  live.extensions = {provisioned(db2)};
  EXPECT_EQ(reconcile(db1, {d}, live, usual), actions{});
  EXPECT_EQ(reconcile(db2, {d}, live, usual), actions{});
}

TEST(reconcile, a_name_that_became_local_does_not_keep_the_global_memory) {
  const desired_database d = with_allocation(db1, local_memory);
  live_state live;
  live.allocations = {memory_of(with_allocation(db1, global_memory))};
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, usual)),
            (list{"drain allocation 0 a.m", "provision extension 101 a.a",
                  "allocate allocation 101 a.m"}));
}

TEST(reconcile, what_another_database_has_is_left_alone) {
  const desired_database other = with_worker(db2, local_worker);
  live_state live;
  live.workers = {live_of(with_worker(db3, local_worker), worker_state::running)};
  live.allocations = {memory_of(with_allocation(db3, local_memory))};
  EXPECT_EQ(reconcile(db1, {other}, live, retrying), actions{});
}

TEST(reconcile, a_worker_that_waits_is_tried_again) {
  const desired_database one = with_worker(db1, local_worker);
  live_state live;
  live.extensions = {provisioned(db1)};
  live.workers = {live_of(one, worker_state::waiting)};
  EXPECT_EQ(reconcile(db1, {one}, live, usual), (actions{{action_kind::start, object_kind::worker,
                                                          db1, "a", "w", "was waiting", 0, true}}));
}

// ---- global workers ------------------------------------------------------------------------

TEST(reconcile, a_global_worker_is_started_by_whoever_comes_first) {
  const desired_database one = with_worker(db1, global_worker);
  const desired_database two = with_worker(db2, global_worker);
  live_state live;
  live.extensions = {provisioned(db1)};
  EXPECT_EQ(in_short(reconcile(db1, {one, two}, live, usual)), list{"start worker 0 a.w"});
}

TEST(reconcile, a_higher_version_elsewhere_takes_the_global_worker_over) {
  const desired_database one = with_worker(db1, global_worker, "1.0");
  const desired_database two = with_worker(db2, global_worker, "2.0");
  live_state live;
  live.extensions = {provisioned(db1), provisioned(db2)};
  live.workers = {live_of(one, worker_state::running)};
  EXPECT_EQ(
      reconcile(db2, {one, two}, live, usual),
      (actions{{action_kind::replace, object_kind::worker, no_database, "a", "w", "version 2.0"}}));
}

TEST(reconcile, a_lower_version_elsewhere_changes_nothing) {
  const desired_database one = with_worker(db1, global_worker, "2.0");
  const desired_database two = with_worker(db2, global_worker, "1.0");
  live_state live;
  live.extensions = {provisioned(db1), provisioned(db2)};
  live.workers = {live_of(one, worker_state::running)};
  EXPECT_EQ(reconcile(db2, {one, two}, live, usual), actions{});
}

TEST(reconcile, the_next_lower_version_takes_over_when_the_highest_goes) {
  const desired_database one = with_worker(db1, global_worker, "1.0");
  const desired_database two = with_worker(db2, global_worker, "1.5");
  live_state live;
  live.extensions = {provisioned(db1), provisioned(db2)};
  live.workers = {live_of(with_worker(db3, global_worker, "2.0"), worker_state::running)};
  EXPECT_EQ(
      reconcile(db3, {one, two}, live, usual),
      (actions{{action_kind::replace, object_kind::worker, no_database, "a", "w", "version 1.5"}}));
}

TEST(reconcile, the_same_version_elsewhere_keeps_the_global_worker_running) {
  const desired_database two = with_worker(db2, global_worker, "1.0", 9);
  live_state live;
  live.extensions = {provisioned(db2)};
  live.workers = {live_of(with_worker(db1, global_worker, "1.0", 3), worker_state::running)};
  EXPECT_EQ(reconcile(db1, {two}, live, usual), actions{});
  EXPECT_EQ(reconcile(db2, {two}, live, usual), actions{});
}

TEST(reconcile, a_global_worker_goes_with_the_last_database) {
  live_state live;
  live.workers = {live_of(with_worker(db1, global_worker), worker_state::running)};
  EXPECT_EQ(in_short(reconcile(db2, {}, live, usual)), list{"stop worker 0 a.w"});
}

TEST(reconcile, a_pending_database_does_not_hold_up_a_running_global_worker) {
  const desired_database one = with_worker(db1, global_worker, "1.0");
  const desired_database two = with_worker(db2, global_worker, "2.0");
  live_state live;
  live.extensions = {provisioned(db1)};
  live.workers = {live_of(one, worker_state::running)};
  EXPECT_EQ(reconcile(db1, {one, two}, live, usual), actions{});
  EXPECT_EQ(in_short(reconcile(db2, {one, two}, live, usual)),
            (list{"replace worker 0 a.w", "provision extension 102 a.a"}));
}

// ---- recovery, order -----------------------------------------------------------------------

TEST(reconcile, promotion_starts_what_waited_for_it) {
  const desired_database d = with_worker(db1, local_worker);
  live_state live;
  live.extensions = {provisioned(db1)};
  EXPECT_EQ(reconcile(db1, {d}, live, recovering),
            (actions{{action_kind::postpone, object_kind::worker, db1, "a", "w",
                      "until recovery has finished"}}));
  live.workers = {live_of(d, worker_state::waiting)};
  EXPECT_EQ(reconcile(db1, {d}, live, recovering), actions{});
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, usual)), list{"start worker 101 a.w"});
}

TEST(reconcile, what_ends_comes_before_what_begins) {
  desired_database d = with_worker(db1, worker_of("a", "new", scope::database));
  d.registrations.allocations = {local_memory};
  d.registrations.workers.push_back(worker_of("a", "changed", scope::database));
  live_state live;
  live.allocations = {{db1, "gone", "z", 64, db1, 1}};
  const auto live_one = [](const char *extension, const char *name, const char *version) {
    const worker w = worker_of(extension, name, scope::database);
    return live_of(with_worker(db1, w, version), worker_state::running);
  };
  live.workers = {live_one("z", "gone", "1.0"), live_one("a", "changed", "0.9")};
  for (const char *name : {"disabled", "quarantined", "configured"}) {
    live.workers.push_back(live_one("a", name, "1.0"));
    d.registrations.workers.push_back(worker_of("a", name, scope::database));
  }
  d.registrations.settings = {
      settings_of(worker_of("a", "disabled", scope::database), false),
      settings_of(worker_of("a", "configured", scope::database), {}, restart_policy::always)};
  live.quarantined = {{db1, "a", "quarantined"}};
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, usual)),
            (list{"stop worker 101 z.gone", "replace worker 101 a.changed",
                  "disable worker 101 a.disabled", "quarantine worker 101 a.quarantined",
                  "drain allocation 101 z.gone", "provision extension 101 a.a",
                  "allocate allocation 101 a.m", "configure worker 101 a.configured",
                  "start worker 101 a.new"}));
}

TEST(reconcile, extensions_are_provisioned_in_the_order_of_their_registration) {
  desired_database d;
  d.database = db1;
  for (const char *name : {"c", "a", "b"}) d.registrations.extensions.push_back(extension_of(name));
  EXPECT_EQ(in_short(reconcile(db1, {d}, {}, usual)),
            (list{"provision extension 101 c.c", "provision extension 101 a.a",
                  "provision extension 101 b.b"}));
}

TEST(reconcile, a_taken_name_is_for_its_extensions_init_to_refuse) {
  const desired_database d = with_allocation(db1, local_memory);
  live_state live;
  live.allocations = {memory_of(d)};
  live.allocations[0].size = 4096;
  live.extensions = {provisioned(db1)};
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, usual)),
            (list{"provision extension 101 a.a", "allocate allocation 101 a.m"}));
  live.extensions[0].state = extension_state::failed;  // it failed
  EXPECT_EQ(reconcile(db1, {d}, live, usual), actions{});
}

TEST(reconcile, actions_and_objects_have_their_names) {
  const char *const kinds[] = {"stop",      "replace",  "disable",   "quarantine", "drain",
                               "provision", "allocate", "configure", "start",      "postpone"};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(name_of(static_cast<action_kind>(i)), kinds[i]);
  EXPECT_EQ(name_of(static_cast<action_kind>(10)), "unknown");
  const char *const objects[] = {"extension", "allocation", "worker"};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(name_of(static_cast<object_kind>(i)), objects[i]);
  EXPECT_EQ(name_of(static_cast<object_kind>(3)), "unknown");
}

}  // namespace
}  // namespace dynpgext::model
