// Properties of every plan, for any registrations and live state: after carrying it out nothing is
// left to do, no object that should stay is lost, and no action is repeated.
//
// Registrations and live states are random.  DYNPGEXT_SEED sets the seed; a failure prints it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "model/reconcile.h"
#include "random_server.h"

namespace dynpgext::model {
namespace {

std::uint64_t seed() {
  const char *chosen = std::getenv("DYNPGEXT_SEED");
  return chosen == nullptr ? 20261122 : std::strtoull(chosen, nullptr, 10);
}

std::string text_of(const std::vector<action> &plan) {
  std::string text;
  for (const action &a : plan)
    text += std::string(name_of(a.kind)) + ' ' + std::string(name_of(a.object)) + ' ' +
            std::to_string(a.home) + ' ' + a.extension + '.' + a.name + " (" + a.detail + ")\n";
  return text;
}

// Calls the check with many servers, each with a database to reconcile, and the plan for it.
template <class F>
void for_many_servers(F check) {
  std::printf("DYNPGEXT_SEED=%llu\n", static_cast<unsigned long long>(seed()));
  generator any(seed());
  std::size_t actions = 0;
  for (int round = 0; round < 3000 && !testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed()) + ", round " + std::to_string(round));
    const server s = any.make();
    const auto where = static_cast<database_id>(1 + any.below(4));
    const std::vector<action> plan = reconcile(where, s.desired, s.live, s.now);
    actions += plan.size();
    SCOPED_TRACE("database " + std::to_string(where) + "\n" + text_of(plan));
    check(s, where, plan);
  }
  EXPECT_GT(actions, 3000u) << "the servers are too dull";
}

TEST(reconcile_property, a_plan_that_was_carried_out_leaves_nothing_to_do) {
  for_many_servers([](server s, database_id where, const std::vector<action> &plan) {
    s.carry_out(where, plan);
    const bool retried = s.now.retry_failed;
    s.now.retry_failed = false;  // recent failures are not retried
    std::vector<action> left = reconcile(where, s.desired, s.live, s.now);
    // other terms of a worker that would have been retried if its extension were provisioned
    if (retried)
      std::erase_if(left, [&](const action &a) {
        return a.kind == action_kind::configure && !s.is_provisioned(a);
      });
    EXPECT_EQ(text_of(left), "");
  });
}

TEST(reconcile_property, planning_twice_gives_the_same_plan) {
  for_many_servers([](const server &s, database_id where, const std::vector<action> &plan) {
    EXPECT_EQ(reconcile(where, s.desired, s.live, s.now), plan);
  });
}

TEST(reconcile_property, the_order_of_what_is_known_does_not_matter_for_workers) {
  for_many_servers([](server s, database_id where, const std::vector<action> &plan) {
    std::reverse(s.desired.begin(), s.desired.end());
    std::reverse(s.live.workers.begin(), s.live.workers.end());
    std::reverse(s.live.allocations.begin(), s.live.allocations.end());
    std::reverse(s.live.extensions.begin(), s.live.extensions.end());
    const auto sorted = [](std::vector<action> all) {
      std::sort(all.begin(), all.end(), [](const action &a, const action &b) {
        return std::tie(a.kind, a.object, a.home, a.extension, a.name) <
               std::tie(b.kind, b.object, b.home, b.extension, b.name);
      });
      return text_of(all);
    };
    EXPECT_EQ(sorted(reconcile(where, s.desired, s.live, s.now)), sorted(plan));
  });
}

TEST(reconcile_property, an_object_has_one_action_at_most) {
  for_many_servers([](const server &, database_id, const std::vector<action> &plan) {
    std::set<std::pair<object_kind, identity>> seen;
    for (const action &a : plan) {
      // an allocation's name may move from one extension to another
      const bool is_name = a.object == object_kind::allocation;
      EXPECT_TRUE(seen.insert({a.object, {a.home, is_name ? "" : a.extension, a.name}}).second);
    }
  });
}

TEST(reconcile_property, actions_come_in_the_order_of_their_kinds) {
  for_many_servers([](const server &, database_id, const std::vector<action> &plan) {
    EXPECT_TRUE(std::is_sorted(plan.begin(), plan.end(),
                               [](const action &a, const action &b) { return a.kind < b.kind; }));
  });
}

TEST(reconcile_property, a_plan_touches_its_database_and_what_is_global_only) {
  for_many_servers([](const server &, database_id where, const std::vector<action> &plan) {
    for (const action &a : plan) EXPECT_TRUE(a.home == where || a.home == no_database);
  });
}

// The global names that concern the database: it registers the name, or runs a worker of that name
// by its registration.
struct global_names {
  std::set<std::string> memory;
  std::set<std::pair<std::string, std::string>> workers;

  global_names(const server &s, database_id where) {
    for (const desired_database &d : s.desired) {
      if (d.database != where) continue;
      for (const allocation &a : d.registrations.allocations)
        if (a.scope == scope::global) memory.insert(a.name);
      for (const worker &w : d.registrations.workers)
        if (w.scope == scope::global) workers.insert({w.extension, w.name});
    }
    for (const live_worker &w : s.live.workers)
      if (w.home == no_database && w.source == where)
        workers.insert({w.definition.extension, w.definition.name});
  }
  bool has(const action &a) const {
    if (a.object == object_kind::allocation) return memory.count(a.name) != 0;
    return workers.count({a.extension, a.name}) != 0;
  }
};

// The server as processes of a database see it, see workers/scope.h.
server seen_from(const server &whole, database_id where, const global_names &names) {
  server s = whole;
  for (desired_database &d : s.desired) {
    if (d.database == where) continue;
    std::erase_if(d.registrations.allocations, [&](const allocation &a) {
      return a.scope != scope::global || names.memory.count(a.name) == 0;
    });
    std::erase_if(d.registrations.workers, [&](const worker &w) {
      return w.scope != scope::global || names.workers.count({w.extension, w.name}) == 0;
    });
  }
  std::erase_if(s.live.allocations, [&](const live_allocation &a) {
    return a.home != where && (a.home != no_database || names.memory.count(a.name) == 0);
  });
  std::erase_if(s.live.workers, [&](const live_worker &w) {
    const std::pair name{w.definition.extension, w.definition.name};
    return w.home != where && (w.home != no_database || names.workers.count(name) == 0);
  });
  return s;
}

TEST(reconcile_property, what_does_not_concern_a_database_changes_nothing_of_its_plan) {
  std::size_t left_out = 0;
  for_many_servers([&](const server &whole, database_id where, const std::vector<action> &plan) {
    const global_names names(whole, where);
    const server s = seen_from(whole, where, names);
    std::vector<action> expected = plan;
    left_out += std::erase_if(expected, [&](const action &a) {
      return a.home == no_database && a.object != object_kind::extension && !names.has(a);
    });
    EXPECT_EQ(text_of(reconcile(where, s.desired, s.live, s.now)), text_of(expected));
  });
  EXPECT_GT(left_out, 100u) << "everything concerns everybody";
}

TEST(reconcile_property, nobody_loses_what_is_registered) {
  for_many_servers([](const server &s, database_id, const std::vector<action> &plan) {
    for (const action &a : plan)
      for (const desired_database &d : s.desired) {
        if (a.kind == action_kind::drain) {
          const allocation *known = d.registrations.find_allocation(a.name);
          EXPECT_FALSE(known != nullptr && home_of(known->scope, d.database) == a.home);
        }
        if (a.kind == action_kind::stop) {
          const worker *known = d.registrations.find_worker(a.extension, a.name);
          EXPECT_FALSE(known != nullptr && home_of(known->scope, d.database) == a.home);
        }
      }
  });
}

TEST(reconcile_property, workers_on_their_way_out_are_left_alone) {
  for_many_servers([](const server &s, database_id, const std::vector<action> &plan) {
    for (const live_worker &w : s.live.workers) {
      if (!w.leaving) continue;
      for (const action &a : plan)
        EXPECT_FALSE(a.object == object_kind::worker && a.home == w.home &&
                     a.extension == w.definition.extension && a.name == w.definition.name);
    }
  });
}

// Calls the check with each action for a worker, the wanted and the live worker.
template <class F>
void for_many_workers(F check) {
  std::map<action_kind, int> seen;
  for_many_servers([&](server s, database_id, const std::vector<action> &plan) {
    for (const action &a : plan)
      if (a.kind == action_kind::provision)
        s.state_of(a.home, a.name) = extension_state::provisioned;
    const std::vector<wanted_worker> wanted = wanted_workers(s.desired, s.live);
    for (const action &a : plan) {
      if (a.object != object_kind::worker || a.kind == action_kind::stop) continue;
      const auto want = std::find_if(wanted.begin(), wanted.end(), [&](const wanted_worker &w) {
        return identity_of(w) == identity_of(a);
      });
      ASSERT_NE(want, wanted.end());
      ++seen[a.kind];
      check(s, a, *want, s.worker_at(a));
    }
  });
  for (const action_kind kind :
       {action_kind::replace, action_kind::disable, action_kind::quarantine, action_kind::configure,
        action_kind::start, action_kind::postpone})
    EXPECT_GT(seen[kind], 100) << name_of(kind);
}

TEST(reconcile_property, only_who_may_run_is_started_and_who_may_not_is_set_aside) {
  for_many_workers([](const server &, const action &a, const wanted_worker &want,
                      const live_worker *) {
    const action_kind set_aside = want.quarantined ? action_kind::quarantine : action_kind::disable;
    if (want.quarantined || !want.terms.enabled)
      EXPECT_EQ(a.kind, set_aside);
    else
      EXPECT_TRUE(a.kind != action_kind::disable && a.kind != action_kind::quarantine);
  });
}

TEST(reconcile_property, nobody_is_configured_who_needs_another_process) {
  for_many_workers(
      [](const server &, const action &a, const wanted_worker &want, const live_worker *live) {
        if (a.kind != action_kind::configure) return;
        ASSERT_NE(live, nullptr);
        EXPECT_NE(want.terms, live->terms);
        EXPECT_TRUE(same_process(*want.definition, live->definition));
        EXPECT_EQ(want.owner->version, live->version);
      });
}

TEST(reconcile_property, nobody_is_restarted_before_his_time_but_by_reload) {
  for_many_workers(
      [](const server &s, const action &a, const wanted_worker &, const live_worker *live) {
        if (a.kind != action_kind::start || live == nullptr || live->state != worker_state::backoff)
          return;
        EXPECT_TRUE(s.now.retry_failed || live->next_start_at <= s.now.time);
      });
}

TEST(reconcile_property, nobody_is_started_in_recovery_who_waits_for_its_end) {
  for_many_workers(
      [](const server &s, const action &a, const wanted_worker &want, const live_worker *) {
        if (a.kind == action_kind::start || a.kind == action_kind::postpone) {
          EXPECT_EQ(s.is_early(want), a.kind == action_kind::postpone);
        }
      });
}

TEST(reconcile_property, afterwards_all_are_as_the_dba_and_the_crash_guard_say) {
  for_many_servers([](server s, database_id where, const std::vector<action> &plan) {
    s.carry_out(where, plan);
    for (const wanted_worker &want : wanted_workers(s.desired, s.live)) {
      action about;
      std::tie(about.home, about.extension, about.name) = identity_of(want);
      if (about.home != no_database && about.home != where) continue;
      const live_worker *live = s.worker_at(about);
      if (live != nullptr && live->leaving) continue;
      if (want.quarantined || !want.terms.enabled) {
        ASSERT_NE(live, nullptr);
        EXPECT_EQ(live->state,
                  want.quarantined ? worker_state::quarantined : worker_state::disabled);
      } else if (s.state_of(want.source, about.extension) == extension_state::provisioned) {
        ASSERT_NE(live, nullptr);
        EXPECT_TRUE(live->state != worker_state::quarantined &&
                    live->state != worker_state::disabled);
        // a waiting worker takes them over when it starts
        if (live->state != worker_state::waiting) {
          EXPECT_EQ(live->terms, want.terms);
        }
      }
    }
  });
}

// The databases are visited one after the other, repeatedly, as after a start.
TEST(reconcile_property, visits_of_all_databases_come_to_rest) {
  for_many_servers([](server s, database_id, const std::vector<action> &) {
    s.now.retry_failed = false;
    int rounds = 0;
    for (bool busy = true; busy && rounds < 10; ++rounds) {
      busy = false;
      for (const database_id where : {1u, 2u, 3u, 4u}) {
        const auto plan = reconcile(where, s.desired, s.live, s.now);
        busy = busy || !plan.empty();
        s.carry_out(where, plan);
      }
    }
    EXPECT_LT(rounds, 10);
  });
}

}  // namespace
}  // namespace dynpgext::model
