// Which database's registration of a worker counts, on which terms, and may the worker run?
#include "model/reconcile.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace dynpgext::model {
namespace {

using namespace samples;

live_state with_live(std::vector<live_worker> workers) {
  live_state live;
  live.workers = std::move(workers);
  return live;
}

live_state with_extensions(std::vector<live_extension> extensions) {
  live_state live;
  live.extensions = std::move(extensions);
  return live;
}

TEST(wanted_workers, a_local_one_is_wanted_in_each_database) {
  const std::vector<desired_database> desired = {with_worker(db1, local_worker),
                                                 with_worker(db2, local_worker, "2.0")};
  const auto wanted = wanted_workers(desired, {});
  ASSERT_EQ(wanted.size(), 2u);
  EXPECT_EQ(wanted[0].source, db1);
  EXPECT_EQ(wanted[1].source, db2);
}

TEST(wanted_workers, of_a_global_one_the_highest_version_wins_wherever_it_stands) {
  const auto highest = [](std::vector<std::string> versions) {
    std::vector<desired_database> desired;
    database_id where = db1;
    for (const std::string &v : versions) desired.push_back(with_worker(where++, global_worker, v));
    const auto wanted = wanted_workers(desired, {});
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
  EXPECT_EQ(wanted_workers(desired, {}).at(0).source, db1);
  for (const desired_database &runs : desired)
    EXPECT_EQ(
        wanted_workers(desired, with_live({live_of(runs, worker_state::running)})).at(0).source,
        runs.database);
}

// A global worker that two databases register, in the same version.
database_id chosen(worker w, std::vector<live_database> databases, database_id runs = db1,
                   const char *version_of_db2 = "1.0") {
  w.scope = scope::global;
  const std::vector<desired_database> desired = {with_worker(db1, w),
                                                 with_worker(db2, w, version_of_db2)};
  live_state live = with_live({live_of(desired[runs == db1 ? 0 : 1], worker_state::running)});
  live.databases = std::move(databases);
  return wanted_workers(desired, live).at(0).source;
}

TEST(wanted_workers, one_whose_extension_is_paused_yields_to_another) {
  const std::string extension = global_worker.extension;
  EXPECT_EQ(chosen(global_worker, {}), db1);
  EXPECT_EQ(chosen(global_worker, {{db1, false, false, {extension}}}), db2);
  EXPECT_EQ(chosen(global_worker, {{db1, false, false, {"other"}}}), db1);
  EXPECT_EQ(
      chosen(global_worker, {{db1, false, false, {extension}}, {db2, false, false, {extension}}}),
      db1);
}

TEST(wanted_workers, a_hosted_one_leaves_a_database_that_is_closed) {
  worker hosted = global_worker;
  hosted.hosted = true;
  EXPECT_EQ(chosen(hosted, {{db1, true}}), db2);
  EXPECT_EQ(chosen(hosted, {{db1, true}, {db2, true}}), db1);
  EXPECT_EQ(chosen(global_worker, {{db1, true}}), db1);  // it may be connected to any database
}

TEST(wanted_workers, a_hosted_one_runs_where_a_superuser_owns_the_database) {
  worker hosted = global_worker;
  hosted.hosted = true;
  EXPECT_EQ(chosen(hosted, {{db2, false, true}}), db2);
  EXPECT_EQ(chosen(hosted, {{db1, false, true}}, db2), db1);
  EXPECT_EQ(chosen(hosted, {{db1, false, true}, {db2, false, true}}, db2), db2);
  EXPECT_EQ(chosen(hosted, {{db2, true, true}}), db1);
  EXPECT_EQ(chosen(hosted, {{db1, false, true}}, db1, "1.1"), db2);  // in the highest version
  EXPECT_EQ(chosen(global_worker, {{db2, false, true}}), db1);
}

TEST(wanted_workers, a_higher_version_wins_over_what_runs) {
  const std::vector<desired_database> desired = {with_worker(db1, global_worker, "1.0"),
                                                 with_worker(db2, global_worker, "1.1")};
  EXPECT_EQ(
      wanted_workers(desired, with_live({live_of(desired[0], worker_state::running)})).at(0).source,
      db2);
}

TEST(wanted_workers, one_whose_extension_has_failed_yields_to_another) {
  const std::vector<desired_database> desired = {with_worker(db1, global_worker, "2.0"),
                                                 with_worker(db2, global_worker, "1.0")};
  const auto source = [&](extension_state state) {
    return wanted_workers(desired, with_extensions({{db1, "a", state}})).at(0).source;
  };
  EXPECT_EQ(source(extension_state::failed), db2);
  EXPECT_EQ(source(extension_state::quarantined), db2);
  EXPECT_EQ(source(extension_state::pending), db1);
  EXPECT_EQ(source(extension_state::provisioned), db1);
}

TEST(wanted_workers, a_worker_without_its_extension_is_not_wanted) {
  desired_database d = with_worker(db1, local_worker);
  d.registrations.extensions.clear();
  EXPECT_TRUE(wanted_workers({d}, {}).empty());
}

TEST(wanted_workers, extensions_may_use_the_same_name) {
  desired_database d = with_worker(db1, global_worker);
  d.registrations.extensions.push_back(extension_of("b"));
  d.registrations.workers.push_back(worker_of("b", "w", scope::global));
  EXPECT_EQ(wanted_workers({d}, {}).size(), 2u);
}

// ---- terms -----------------------------------------------------------------------------------

using policy = restart_policy;

worker with_terms(worker w, policy restart, std::int64_t delay) {
  w.restart = restart;
  w.restart_delay = delay;
  return w;
}

const worker local_always = with_terms(local_worker, policy::always, 250);
const worker global_always = with_terms(global_worker, policy::always, 250);

desired_database with_settings(database_id where, const worker &w, const worker_settings &set) {
  desired_database d = with_worker(where, w);
  d.registrations.settings = {set};
  return d;
}

worker_terms only_terms(const std::vector<desired_database> &desired) {
  const std::vector<wanted_worker> wanted = wanted_workers(desired, {});
  EXPECT_EQ(wanted.size(), 1u);
  return wanted.at(0).terms;
}

TEST(wanted_workers_terms, are_those_of_the_author_where_nothing_is_set) {
  EXPECT_EQ(only_terms({with_worker(db1, local_worker)}),
            (worker_terms{true, policy::never, default_restart_delay}));
  EXPECT_EQ(only_terms({with_worker(db1, local_always)}),
            (worker_terms{true, policy::always, 250}));
  EXPECT_EQ(only_terms({with_settings(db1, local_always, settings_of(local_worker, {}))}),
            (worker_terms{true, policy::always, 250}));
}

TEST(wanted_workers_terms, are_overridden_item_by_item) {
  const auto set = [](std::optional<bool> enabled, std::optional<policy> restart,
                      std::optional<std::int64_t> delay) {
    return only_terms(
        {with_settings(db1, local_always, settings_of(local_always, enabled, restart, delay))});
  };
  EXPECT_EQ(set(false, {}, {}), (worker_terms{false, policy::always, 250}));
  EXPECT_EQ(set(true, {}, {}), (worker_terms{true, policy::always, 250}));
  EXPECT_EQ(set({}, policy::never, {}), (worker_terms{true, policy::never, 250}));
  EXPECT_EQ(set({}, {}, 0), (worker_terms{true, policy::always, 0}));
  EXPECT_EQ(set(false, policy::on_failure, 7), (worker_terms{false, policy::on_failure, 7}));
}

TEST(wanted_workers_terms, have_an_interval_only_of_one_that_runs_a_command) {
  worker_settings set = settings_of(local_worker, {});
  set.run_interval = 500;
  const auto interval = [&](const worker &w) {
    return only_terms({with_settings(db1, w, set)}).run_interval;
  };
  EXPECT_EQ(interval(local_worker), 0);
  worker hosted = local_worker;
  hosted.hosted = true;
  EXPECT_EQ(interval(hosted), 500);
  set.run_interval.reset();
  EXPECT_EQ(interval(hosted), 0);
}

TEST(wanted_workers_terms, of_another_worker_or_extension_do_not_count) {
  for (const worker &other :
       {worker_of("a", "v", scope::database), worker_of("b", "w", scope::database)})
    EXPECT_EQ(only_terms({with_settings(db1, local_always, settings_of(other, false))}),
              (worker_terms{true, policy::always, 250}));
}

TEST(wanted_workers_terms, of_a_local_worker_are_set_in_its_database_only) {
  const std::vector<desired_database> desired = {
      with_worker(db1, local_worker),
      with_settings(db2, local_worker, settings_of(local_worker, false))};
  const std::vector<wanted_worker> wanted = wanted_workers(desired, {});
  ASSERT_EQ(wanted.size(), 2u);
  EXPECT_TRUE(wanted[0].terms.enabled);
  EXPECT_FALSE(wanted[1].terms.enabled);
}

TEST(wanted_workers_terms, of_a_global_worker_may_be_set_in_any_database_that_registers_it) {
  for (const database_id where : {db1, db2, db3}) {
    std::vector<desired_database> desired;
    for (const database_id d : {db1, db2, db3}) desired.push_back(with_worker(d, global_always));
    desired[where - db1].registrations.settings = {
        settings_of(global_always, false, policy::never, 5)};
    const std::vector<wanted_worker> wanted = wanted_workers(desired, {});
    ASSERT_EQ(wanted.size(), 1u);
    EXPECT_EQ(wanted[0].source, db1) << "a setting does not move the worker";
    EXPECT_EQ(wanted[0].terms, (worker_terms{false, policy::never, 5})) << where;
  }
}

TEST(wanted_workers_terms, that_contradict_each_other_are_those_of_the_lower_oid) {
  const desired_database low =
      with_settings(db1, global_always, settings_of(global_always, true, policy::never));
  const desired_database high =
      with_settings(db2, global_always, settings_of(global_always, false, policy::on_failure, 9));
  const worker_terms both{true, policy::never, 9};  // only one sets the delay
  EXPECT_EQ(only_terms({low, high}), both);
  EXPECT_EQ(only_terms({high, low}), both);
}

TEST(wanted_workers_terms, that_contradict_each_other_are_those_of_a_superusers_database) {
  const desired_database low =
      with_settings(db1, global_always, settings_of(global_always, false, policy::never, 5));
  const desired_database high =
      with_settings(db2, global_always, settings_of(global_always, true, policy::on_failure));
  const live_state live{.databases = {{.database = db2, .trusted = true}}};
  const worker_terms both{true, policy::on_failure, 5};  // only one sets the delay
  for (const auto &desired : {std::vector{low, high}, std::vector{high, low}}) {
    const std::vector<wanted_worker> wanted = wanted_workers(desired, live);
    ASSERT_EQ(wanted.size(), 1u);
    EXPECT_EQ(wanted[0].terms, both);
  }
}

TEST(wanted_workers_terms, the_lower_oid_wins_wherever_the_worker_comes_from) {
  desired_database low = with_settings(db1, global_always, settings_of(global_always, {}, {}, 5));
  desired_database high = with_settings(db2, global_always, settings_of(global_always, {}, {}, 9));
  high.registrations.extensions[0].version = "2.0";
  const std::vector<desired_database> desired = {low, high};
  const std::vector<wanted_worker> wanted = wanted_workers(desired, {});
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].source, db2);
  EXPECT_EQ(wanted[0].terms.restart_delay, 5);
}

TEST(wanted_workers_terms, of_the_author_are_those_of_the_version_that_is_wanted) {
  desired_database newer = with_worker(db2, global_always, "2.0");
  newer.registrations.workers[0].restart_delay = 777;
  EXPECT_EQ(only_terms({with_worker(db1, global_always), newer}),
            (worker_terms{true, policy::always, 777}));
}

TEST(wanted_workers_terms, set_for_a_worker_of_another_scope_do_not_count) {
  // a local worker of one database is not the global one of the others
  const std::vector<desired_database> desired = {
      with_settings(db1, local_worker, settings_of(local_worker, false)),
      with_worker(db2, global_worker)};
  const std::vector<wanted_worker> wanted = wanted_workers(desired, {});
  ASSERT_EQ(wanted.size(), 2u);
  for (const wanted_worker &w : wanted)
    EXPECT_EQ(w.terms.enabled, w.definition->scope == scope::global);
}

TEST(wanted_workers_terms, set_where_the_worker_is_not_registered_do_not_count) {
  desired_database elsewhere = with_settings(db1, global_worker, settings_of(global_worker, false));
  elsewhere.registrations.workers.clear();
  EXPECT_TRUE(only_terms({elsewhere, with_worker(db2, global_worker)}).enabled);
}

// ---- quarantine --------------------------------------------------------------------------------

std::vector<bool> quarantined_of(const std::vector<desired_database> &desired,
                                 const live_state &live) {
  std::vector<bool> result;
  for (const wanted_worker &w : wanted_workers(desired, live)) result.push_back(w.quarantined);
  return result;
}

live_state with_quarantine(database_id home, const std::string &extension,
                           const std::string &worker) {
  live_state live;
  live.quarantined = {{home, extension, worker}};
  return live;
}

using flags = std::vector<bool>;

TEST(wanted_workers_quarantine, of_a_worker_is_of_its_home_extension_and_name) {
  const std::vector<desired_database> desired = {with_worker(db1, local_worker),
                                                 with_worker(db2, local_worker)};
  EXPECT_EQ(quarantined_of(desired, {}), (flags{false, false}));
  EXPECT_EQ(quarantined_of(desired, with_quarantine(db1, "a", "w")), (flags{true, false}));
  EXPECT_EQ(quarantined_of(desired, with_quarantine(db2, "a", "w")), (flags{false, true}));
  EXPECT_EQ(quarantined_of(desired, with_quarantine(db3, "a", "w")), (flags{false, false}));
  EXPECT_EQ(quarantined_of(desired, with_quarantine(no_database, "a", "w")), (flags{false, false}));
  EXPECT_EQ(quarantined_of(desired, with_quarantine(db1, "b", "w")), (flags{false, false}));
  EXPECT_EQ(quarantined_of(desired, with_quarantine(db1, "a", "v")), (flags{false, false}));
}

TEST(wanted_workers_quarantine, of_a_global_worker_holds_in_all_databases) {
  const std::vector<desired_database> desired = {with_worker(db1, global_worker),
                                                 with_worker(db2, global_worker, "2.0")};
  EXPECT_EQ(quarantined_of(desired, with_quarantine(no_database, "a", "w")), flags{true});
  EXPECT_EQ(quarantined_of(desired, with_quarantine(db2, "a", "w")), flags{false});
}

TEST(wanted_workers_quarantine, of_a_role_is_of_its_hosted_workers_in_that_database) {
  worker hosted = local_worker;
  hosted.hosted = true;
  hosted.argument = 10;
  worker of_other = hosted;
  of_other.argument = 11;
  worker in_own_process = local_worker;
  in_own_process.argument = 10;
  const auto in = [](database_id database, const worker &w) {
    live_state live;
    live.quarantined_roles = {{database, 10}};
    return quarantined_of({with_worker(db1, w)}, live);
  };
  EXPECT_EQ(in(db1, hosted), flags{true});
  EXPECT_EQ(in(db2, hosted), flags{false});
  EXPECT_EQ(in(db1, of_other), flags{false});
  EXPECT_EQ(in(db1, in_own_process), flags{false});
  hosted.scope = scope::global;
  EXPECT_EQ(in(db1, hosted), flags{true});
}

TEST(wanted_workers_quarantine, of_an_extension_is_of_all_its_workers_in_that_database) {
  desired_database d = with_worker(db1, local_worker);
  d.registrations.workers.push_back(worker_of("a", "x", scope::global));
  d.registrations.workers.push_back(worker_of("b", "w", scope::database));
  d.registrations.extensions.push_back(extension_of("b"));
  const std::vector<desired_database> desired = {d, with_worker(db2, local_worker)};
  const live_state live = with_extensions(
      {{db1, "a", extension_state::quarantined}, {db2, "b", extension_state::quarantined}});
  std::vector<std::string> found;
  for (const wanted_worker &w : wanted_workers(desired, live))
    if (w.quarantined)
      found.push_back(std::to_string(w.source) + w.definition->extension + w.definition->name);
  EXPECT_EQ(found, (std::vector<std::string>{"101ax", "101aw"}));
}

TEST(wanted_workers_quarantine, of_an_extension_in_one_database_leaves_global_workers_to_others) {
  const std::vector<desired_database> desired = {with_worker(db1, global_worker, "2.0"),
                                                 with_worker(db2, global_worker)};
  const live_extension bad1{db1, "a", extension_state::quarantined};
  const live_extension bad2{db2, "a", extension_state::quarantined};
  const std::vector<wanted_worker> wanted = wanted_workers(desired, with_extensions({bad1}));
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].source, db2);
  EXPECT_FALSE(wanted[0].quarantined);
  EXPECT_EQ(quarantined_of(desired, with_extensions({bad1, bad2})), flags{true});
}

TEST(wanted_workers_quarantine, is_not_what_a_failed_extension_is_in) {
  EXPECT_EQ(quarantined_of({with_worker(db1, local_worker)},
                           with_extensions({{db1, "a", extension_state::failed}})),
            flags{false});
}

}  // namespace
}  // namespace dynpgext::model
