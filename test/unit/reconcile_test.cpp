// The reconciler: what is registered against what is there, case by case.  What holds for all
// cases at once is in reconcile_property_test.cpp.
#include "model/reconcile.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace dynpgext::model {

// For GoogleTest's messages.
static void PrintTo(const action &a, std::ostream *out) {
  *out << name_of(a.kind) << ' ' << name_of(a.object) << ' ' << a.home << ' ' << a.extension << '.'
       << a.name << " (" << a.detail << ')';
}

namespace {

using samples::allocation_of;
using samples::extension_of;
using samples::worker_of;
using actions = std::vector<action>;

constexpr database_id db1 = 101;
constexpr database_id db2 = 102;
constexpr database_id db3 = 103;

desired_database with_worker(database_id where, const worker &w, const std::string &version = "1.0",
                             std::int64_t incarnation = 1) {
  desired_database d;
  d.database = where;
  d.registrations.extensions = {extension_of(w.extension, version, incarnation)};
  d.registrations.workers = {w};
  return d;
}

desired_database with_allocation(database_id where, const allocation &a,
                                 std::int64_t incarnation = 1) {
  desired_database d;
  d.database = where;
  d.registrations.extensions = {extension_of(a.extension, "1.0", incarnation)};
  d.registrations.allocations = {a};
  return d;
}

live_worker live_of(const desired_database &d, worker_state state) {
  const worker &w = d.registrations.workers.at(0);
  const extension &e = d.registrations.extensions.at(0);
  return {home_of(w.scope, d.database), w, e.version, d.database, e.incarnation, state, false};
}

live_allocation memory_of(const desired_database &d) {
  const allocation &a = d.registrations.allocations.at(0);
  return {home_of(a.scope, d.database),
          a.name,
          a.extension,
          a.size,
          d.database,
          d.registrations.extensions.at(0).incarnation};
}

live_extension provisioned(database_id where, const std::string &name = "a") {
  return {where, name, extension_state::provisioned};
}

const worker local_worker = worker_of("a", "w", scope::database);
const worker global_worker = worker_of("a", "w", scope::global);
const allocation local_memory = allocation_of("a", "m", scope::database);
const allocation global_memory = allocation_of("a", "m", scope::global);
const circumstances usual;
const circumstances retrying{.retry_failed = true};
const circumstances recovering{.in_recovery = true};

std::vector<std::string> in_short(const actions &all) {
  std::vector<std::string> result;
  for (const action &a : all)
    result.push_back(std::string(name_of(a.kind)) + ' ' + std::string(name_of(a.object)) + ' ' +
                     std::to_string(a.home) + ' ' + a.extension + '.' + a.name);
  return result;
}
using list = std::vector<std::string>;

// ---- one worker ----------------------------------------------------------------------------

TEST(decide, nothing_wanted_and_nothing_there_is_nothing_to_do) {
  EXPECT_EQ(decide(nullptr, nullptr, usual), std::nullopt);
}

struct one_worker : testing::Test {
  desired_database desired = with_worker(db1, local_worker);
  wanted_worker wanted{&desired.registrations.workers[0], &desired.registrations.extensions[0],
                       db1};
  live_worker live = live_of(desired, worker_state::running);

  std::optional<action_kind> decided(worker_state state, const circumstances &now) {
    live.state = state;
    return decide(&wanted, &live, now);
  }
};
using decide_worker = one_worker;

constexpr worker_state all_states[] = {worker_state::registered, worker_state::starting,
                                       worker_state::running,    worker_state::stopping,
                                       worker_state::stopped,    worker_state::failed,
                                       worker_state::backoff,    worker_state::waiting,
                                       worker_state::disabled,   worker_state::quarantined};

TEST_F(decide_worker, that_nobody_wants_is_stopped_in_every_state) {
  for (const worker_state state : all_states) {
    live.state = state;
    EXPECT_EQ(decide(nullptr, &live, usual), action_kind::stop) << name_of(state);
  }
}

TEST_F(decide_worker, on_its_way_out_is_left_alone) {
  live.leaving = true;
  for (const worker_state state : all_states) {
    EXPECT_EQ(decided(state, retrying), std::nullopt) << name_of(state);
    EXPECT_EQ(decide(nullptr, &live, usual), std::nullopt) << name_of(state);
  }
}

TEST_F(decide_worker, that_is_new_is_started) {
  EXPECT_EQ(decide(&wanted, nullptr, usual), action_kind::start);
}

TEST_F(decide_worker, that_is_as_wanted_is_started_only_when_it_waits_for_that) {
  for (const worker_state state : all_states) {
    const bool waits = state == worker_state::registered || state == worker_state::waiting;
    EXPECT_EQ(decided(state, usual), waits ? std::optional(action_kind::start) : std::nullopt)
        << name_of(state);
  }
}

TEST_F(decide_worker, that_failed_gets_another_try_only_when_asked_for) {
  EXPECT_EQ(decided(worker_state::failed, usual), std::nullopt);
  EXPECT_EQ(decided(worker_state::failed, retrying), action_kind::start);
  EXPECT_EQ(decided(worker_state::stopped, retrying), std::nullopt);
  EXPECT_EQ(decided(worker_state::quarantined, retrying), std::nullopt);
  EXPECT_EQ(decided(worker_state::disabled, retrying), std::nullopt);
}

TEST_F(decide_worker, for_the_end_of_recovery_waits_for_it) {
  EXPECT_EQ(decide(&wanted, nullptr, recovering), action_kind::postpone);
  EXPECT_EQ(decided(worker_state::registered, recovering), action_kind::postpone);
  EXPECT_EQ(decided(worker_state::waiting, recovering), std::nullopt);
  const circumstances both{.in_recovery = true, .retry_failed = true};
  EXPECT_EQ(decided(worker_state::failed, both), std::nullopt);
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
}

TEST_F(decide_worker, with_another_definition_is_replaced_whatever_it_does_but_not_in_quarantine) {
  live.version = "0.9";
  for (const worker_state state : all_states)
    EXPECT_EQ(decided(state, usual), state == worker_state::quarantined
                                         ? std::nullopt
                                         : std::optional(action_kind::replace))
        << name_of(state);
}

TEST_F(decide_worker, of_another_database_with_the_same_definition_keeps_running) {
  live.source = db2;
  live.incarnation = 77;
  EXPECT_EQ(decided(worker_state::running, usual), std::nullopt);
  live.version = "1.1";
  EXPECT_EQ(decided(worker_state::running, usual), action_kind::replace);
}

// ---- which worker is wanted ----------------------------------------------------------------

TEST(wanted_workers, a_local_one_is_wanted_in_each_database) {
  const std::vector<desired_database> desired = {with_worker(db1, local_worker),
                                                 with_worker(db2, local_worker, "2.0")};
  const auto wanted = wanted_workers(desired, {}, {});
  ASSERT_EQ(wanted.size(), 2u);
  EXPECT_EQ(wanted[0].source, db1);
  EXPECT_EQ(wanted[1].source, db2);
}

TEST(wanted_workers, of_a_global_one_the_highest_version_wins_wherever_it_stands) {
  const auto highest = [](std::vector<std::string> versions) {
    std::vector<desired_database> desired;
    database_id where = db1;
    for (const std::string &v : versions) desired.push_back(with_worker(where++, global_worker, v));
    const auto wanted = wanted_workers(desired, {}, {});
    EXPECT_EQ(wanted.size(), 1u);
    return wanted.at(0).owner->version;
  };
  EXPECT_EQ(highest({"1.9", "1.10", "1.2"}), "1.10");
  EXPECT_EQ(highest({"1.10", "1.9"}), "1.10");
  EXPECT_EQ(highest({"2.0-rc1", "1.9", "2.0"}), "2.0");
  EXPECT_EQ(highest({"2.0-rc1", "1.9"}), "2.0-rc1");
}

TEST(wanted_workers, among_equals_the_one_that_runs_wins_else_the_first_database) {
  const std::vector<desired_database> desired = {with_worker(db3, global_worker),
                                                 with_worker(db1, global_worker),
                                                 with_worker(db2, global_worker)};
  EXPECT_EQ(wanted_workers(desired, {}, {}).at(0).source, db1);
  for (const desired_database &runs : desired)
    EXPECT_EQ(wanted_workers(desired, {live_of(runs, worker_state::running)}, {}).at(0).source,
              runs.database);
}

TEST(wanted_workers, a_higher_version_wins_over_what_runs) {
  const std::vector<desired_database> desired = {with_worker(db1, global_worker, "1.0"),
                                                 with_worker(db2, global_worker, "1.1")};
  EXPECT_EQ(wanted_workers(desired, {live_of(desired[0], worker_state::running)}, {}).at(0).source,
            db2);
}

TEST(wanted_workers, one_whose_extension_has_failed_yields_to_another) {
  const std::vector<desired_database> desired = {with_worker(db1, global_worker, "2.0"),
                                                 with_worker(db2, global_worker, "1.0")};
  const auto source = [&](extension_state state) {
    return wanted_workers(desired, {}, {{db1, desired[0].registrations.extensions[0].name, state}})
        .at(0)
        .source;
  };
  EXPECT_EQ(source(extension_state::failed), db2);
  EXPECT_EQ(source(extension_state::quarantined), db2);
  EXPECT_EQ(source(extension_state::pending), db1);
  EXPECT_EQ(source(extension_state::provisioned), db1);
}

TEST(wanted_workers, a_worker_without_its_extension_is_not_wanted) {
  desired_database d = with_worker(db1, local_worker);
  d.registrations.extensions.clear();
  EXPECT_TRUE(wanted_workers({d}, {}, {}).empty());
}

TEST(wanted_workers, extensions_may_use_the_same_name) {
  desired_database d = with_worker(db1, global_worker);
  d.registrations.extensions.push_back(extension_of("b"));
  d.registrations.workers.push_back(worker_of("b", "w", scope::global));
  EXPECT_EQ(wanted_workers({d}, {}, {}).size(), 2u);
}

// ---- one allocation ------------------------------------------------------------------------

struct one_allocation : testing::Test {
  desired_database mine = with_allocation(db1, global_memory, 5);
  desired_database theirs = with_allocation(db2, global_memory, 6);

  allocation_match matched(const live_allocation *live,
                           const std::vector<desired_database> &others) {
    return compare(mine.registrations.allocations[0], mine.registrations.extensions[0], db1, live,
                   others);
  }
};
using compare_allocation = one_allocation;

TEST_F(compare_allocation, without_memory_is_missing) {
  EXPECT_EQ(matched(nullptr, {mine}), allocation_match::missing);
  EXPECT_EQ(matched(nullptr, {mine, theirs}), allocation_match::missing);
}

TEST_F(compare_allocation, with_the_memory_it_made_is_the_same) {
  const live_allocation live = memory_of(mine);
  EXPECT_EQ(matched(&live, {mine}), allocation_match::same);
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::same);
  EXPECT_EQ(matched(&live, {}), allocation_match::same);  // not registered yet
}

TEST_F(compare_allocation, with_memory_that_another_database_made_is_the_same) {
  const live_allocation live = memory_of(theirs);
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::same);
  EXPECT_EQ(matched(&live, {mine}), allocation_match::same);
}

TEST_F(compare_allocation, with_memory_of_an_earlier_incarnation_is_replaceable) {
  live_allocation live = memory_of(mine);
  live.incarnation = 4;
  EXPECT_EQ(matched(&live, {mine}), allocation_match::replaceable);
  live.size = 4096;  // another size is fine then
  EXPECT_EQ(matched(&live, {mine}), allocation_match::replaceable);
  live.extension = "b";  // so is another extension
  EXPECT_EQ(matched(&live, {mine}), allocation_match::replaceable);
}

TEST_F(compare_allocation, with_memory_of_an_earlier_incarnation_that_others_have_is_the_same) {
  live_allocation live = memory_of(mine);
  live.incarnation = 4;
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::same);
}

TEST_F(compare_allocation, with_another_size_is_taken) {
  live_allocation live = memory_of(mine);
  live.size += 1;
  EXPECT_EQ(matched(&live, {mine}), allocation_match::taken);
  live.source = db2;
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::taken);
  EXPECT_EQ(matched(&live, {mine}), allocation_match::taken);
}

TEST_F(compare_allocation, with_another_size_that_others_have_is_taken_in_any_incarnation) {
  live_allocation live = memory_of(mine);
  live.size += 1;
  live.incarnation = 4;
  theirs.registrations.allocations[0].size += 1;
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::taken);
}

TEST_F(compare_allocation, of_another_extension_is_taken) {
  live_allocation live = memory_of(mine);
  live.extension = "b";
  EXPECT_EQ(matched(&live, {mine}), allocation_match::taken);
}

TEST_F(compare_allocation, a_local_name_elsewhere_does_not_share_the_memory) {
  mine = with_allocation(db1, local_memory, 5);
  const desired_database elsewhere = with_allocation(db2, local_memory, 6);
  live_allocation live = memory_of(mine);
  EXPECT_EQ(matched(&live, {mine, elsewhere}), allocation_match::same);
  live.incarnation = 4;
  EXPECT_EQ(matched(&live, {mine, elsewhere}), allocation_match::replaceable);
}

// ---- plans ---------------------------------------------------------------------------------

TEST(reconcile, for_workers_only_none_of_a_pending_extension_starts) {
  const std::vector<desired_database> desired = {with_worker(db1, local_worker)};
  circumstances workers_only;
  workers_only.workers_only = true;
  EXPECT_TRUE(reconcile(db1, desired, {}, workers_only).empty());
  EXPECT_FALSE(reconcile(db1, desired, {}, usual).empty());
  const std::string &name = desired[0].registrations.extensions[0].name;
  const live_state ready{{}, {}, {{db1, name, extension_state::provisioned}}};
  ASSERT_EQ(reconcile(db1, desired, ready, workers_only).size(), 1u);
  EXPECT_EQ(reconcile(db1, desired, ready, workers_only)[0].kind, action_kind::start);
}

TEST(reconcile, nothing_registered_and_nothing_live_is_nothing_to_do) {
  EXPECT_EQ(reconcile(db1, {}, {}, usual), actions{});
  EXPECT_EQ(reconcile(every_database, {}, {}, retrying), actions{});
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
  EXPECT_EQ(planned(extension_state::quarantined, retrying), list{});
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

TEST(reconcile, every_database_stops_and_drains_everywhere_and_provisions_nothing) {
  const desired_database other = with_worker(db2, local_worker);
  live_state live;
  live.workers = {live_of(with_worker(db3, local_worker), worker_state::running)};
  live.allocations = {memory_of(with_allocation(db3, local_memory))};
  EXPECT_EQ(in_short(reconcile(every_database, {other}, live, retrying)),
            (list{"stop worker 103 a.w", "drain allocation 103 a.m"}));
  live.extensions = {provisioned(db2)};
  EXPECT_EQ(in_short(reconcile(every_database, {other}, live, usual)),
            (list{"stop worker 103 a.w", "drain allocation 103 a.m", "start worker 102 a.w"}));
}

TEST(reconcile, every_database_retries_workers_that_wait) {
  const desired_database one = with_worker(db1, local_worker);
  const desired_database two = with_worker(db2, local_worker);
  live_state live;
  live.extensions = {provisioned(db1), provisioned(db2)};
  live.workers = {live_of(one, worker_state::waiting), live_of(two, worker_state::running)};
  EXPECT_EQ(reconcile(every_database, {one, two}, live, usual),
            (actions{{action_kind::start, object_kind::worker, db1, "a", "w", "was waiting"}}));
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
  live.workers = {
      {db1, worker_of("z", "gone", scope::database), "1.0", db1, 1, worker_state::running, false},
      {db1, worker_of("a", "changed", scope::database), "0.9", db1, 1, worker_state::running,
       false}};
  EXPECT_EQ(in_short(reconcile(db1, {d}, live, usual)),
            (list{"stop worker 101 z.gone", "replace worker 101 a.changed",
                  "drain allocation 101 z.gone", "provision extension 101 a.a",
                  "allocate allocation 101 a.m", "start worker 101 a.new"}));
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
  live.extensions[0].state = extension_state::failed;  // as it did
  EXPECT_EQ(reconcile(db1, {d}, live, usual), actions{});
}

TEST(reconcile, actions_and_objects_have_their_names) {
  const char *const kinds[] = {"stop",     "replace", "drain",   "provision",
                               "allocate", "start",   "postpone"};
  for (int i = 0; i < 7; ++i) EXPECT_EQ(name_of(static_cast<action_kind>(i)), kinds[i]);
  const char *const objects[] = {"extension", "allocation", "worker"};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(name_of(static_cast<object_kind>(i)), objects[i]);
  EXPECT_EQ(name_of(static_cast<action_kind>(200)), "unknown");
  EXPECT_EQ(name_of(static_cast<object_kind>(200)), "unknown");
}

}  // namespace
}  // namespace dynpgext::model
