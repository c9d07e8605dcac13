// What holds for every plan, whatever is registered and whatever is there: carrying it out leaves
// nothing to do, nobody loses what he should keep, and the plan says nothing twice.
//
// Registrations and live states are made at random.  DYNPGEXT_SEED chooses which; a failure
// prints the seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "model/reconcile.h"
#include "samples.h"

namespace dynpgext::model {
namespace {

using identity = std::tuple<database_id, std::string, std::string>;

// A server as far as the reconciler can see it, and an executor for its plans.
struct server {
  std::vector<desired_database> desired;
  live_state live;
  circumstances now;

  extension_state &state_of(database_id database, const std::string &name) {
    for (live_extension &e : live.extensions)
      if (e.database == database && e.name == name) return e.state;
    return live.extensions.emplace_back(live_extension{database, name, extension_state::pending})
        .state;
  }

  const desired_database *find(database_id database) const {
    for (const desired_database &d : desired)
      if (d.database == database) return &d;
    return nullptr;
  }

  live_allocation *memory(database_id home, const std::string &name) {
    for (live_allocation &a : live.allocations)
      if (a.home == home && a.name == name) return &a;
    return nullptr;
  }

  live_worker *worker_at(const action &a) {
    for (live_worker &w : live.workers)
      if (w.home == a.home && w.definition.extension == a.extension && w.definition.name == a.name)
        return &w;
    return nullptr;
  }

  // Runs an init: all of what the extension registers, or nothing.
  void provision(database_id database, const std::string &name) {
    const registrations &own = find(database)->registrations;
    const extension &owner = *own.find_extension(name);
    std::vector<live_allocation> made;
    for (const allocation &a : own.allocations) {
      if (a.extension != name) continue;
      const database_id home = home_of(a.scope, database);
      switch (compare(a, owner, database, memory(home, a.name), desired)) {
        case allocation_match::same: break;
        case allocation_match::taken: state_of(database, name) = extension_state::failed; return;
        default: made.push_back({home, a.name, name, a.size, database, owner.incarnation});
      }
    }
    for (const live_allocation &m : made) {
      std::erase_if(live.allocations,
                    [&](const live_allocation &l) { return l.home == m.home && l.name == m.name; });
      live.allocations.push_back(m);
    }
    state_of(database, name) = extension_state::provisioned;
  }

  void run(const action &a) {
    const auto wanted = wanted_workers(desired, live.workers, live.extensions);
    const auto want = std::find_if(wanted.begin(), wanted.end(), [&](const wanted_worker &w) {
      return home_of(w.definition->scope, w.source) == a.home &&
             w.definition->extension == a.extension && w.definition->name == a.name;
    });
    if (want == wanted.end()) return;
    if (state_of(want->source, a.extension) != extension_state::provisioned) return;
    const bool early = now.in_recovery && want->definition->start == now.start_after_recovery;
    const live_worker fresh{a.home,
                            *want->definition,
                            want->owner->version,
                            want->source,
                            want->owner->incarnation,
                            early ? worker_state::waiting : worker_state::running,
                            false};
    if (live_worker *known = worker_at(a))
      *known = fresh;
    else
      live.workers.push_back(fresh);
  }

  void carry_out(const std::vector<action> &plan) {
    for (const action &a : plan) {
      if (a.kind == action_kind::provision) provision(a.home, a.name);
      if (a.kind == action_kind::drain)
        std::erase_if(live.allocations, [&](const live_allocation &l) {
          return l.home == a.home && l.name == a.name;
        });
      if (a.kind == action_kind::stop)
        std::erase_if(live.workers, [&](const live_worker &w) {
          return w.home == a.home && w.definition.extension == a.extension &&
                 w.definition.name == a.name;
        });
    }
    // workers after all inits, which the order of kinds does not promise for 'replace'
    for (const action &a : plan)
      if (a.object == object_kind::worker && a.kind != action_kind::stop) run(a);
  }
};

class generator {
 public:
  explicit generator(std::uint64_t seed) : random_(seed) {}

  server make() {
    server s;
    s.now.in_recovery = one_in(4);
    s.now.retry_failed = one_in(4);
    for (database_id d = 1; d <= 3; ++d)
      if (!one_in(4)) s.desired.push_back(database(d));
    for (const database_id home : {0u, 1u, 2u, 3u, 4u}) add_live(s, home);
    for (database_id d = 1; d <= 4; ++d)
      for (const char *name : names_)
        if (!one_in(3))
          s.live.extensions.push_back({d, name, static_cast<extension_state>(below(5))});
    return s;
  }

  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

 private:
  // few values of each, so that they meet often
  scope any_scope() { return one_in(2) ? scope::global : scope::database; }
  std::string any_name() { return names_[below(3)]; }
  std::string any_version() { return one_in(2) ? "1.0" : "1.1"; }
  std::int64_t any_incarnation() { return static_cast<std::int64_t>(below(3)); }
  std::uint64_t any_size() { return one_in(5) ? 128 : 64; }

  worker any_worker(const std::string &extension, const std::string &name, scope where) {
    worker w = samples::worker_of(extension, name, where);
    if (one_in(4)) w.function = "other";
    if (one_in(3)) w.start = 1;
    return w;
  }

  desired_database database(database_id id) {
    desired_database d;
    d.database = id;
    registrations &r = d.registrations;
    for (const char *name : names_)
      if (!one_in(3))
        r.extensions.push_back(samples::extension_of(name, any_version(), any_incarnation()));
    for (const extension &e : r.extensions)
      for (const char *name : names_) {
        // a name of memory belongs to one extension of a database
        if (one_in(2) && r.find_allocation(name) == nullptr)
          r.allocations.push_back(samples::allocation_of(e.name, name, any_scope(), any_size()));
        if (one_in(2)) r.workers.push_back(any_worker(e.name, name, any_scope()));
      }
    return d;
  }

  void add_live(server &s, database_id home) {
    for (const char *name : names_) {
      const database_id source = home != 0 ? home : static_cast<database_id>(1 + below(4));
      if (one_in(2))
        s.live.allocations.push_back(
            {home, name, any_name(), any_size(), source, any_incarnation()});
      for (const char *extension : names_)
        if (one_in(3))
          s.live.workers.push_back(
              {home, any_worker(extension, name, home == 0 ? scope::global : scope::database),
               any_version(), source, any_incarnation(), static_cast<worker_state>(below(10)),
               one_in(6)});
    }
  }

  std::mt19937_64 random_;
  const char *names_[3] = {"a", "b", "c"};
};

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

// Calls the check with many servers, a database to reconcile, and the plan for it.
template <class F>
void for_many_servers(F check) {
  std::printf("DYNPGEXT_SEED=%llu\n", static_cast<unsigned long long>(seed()));
  generator any(seed());
  std::size_t actions = 0;
  for (int round = 0; round < 3000 && !testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed()) + ", round " + std::to_string(round));
    const server s = any.make();
    const database_id where =
        any.one_in(5) ? every_database : static_cast<database_id>(1 + any.below(4));
    const std::vector<action> plan = reconcile(where, s.desired, s.live, s.now);
    actions += plan.size();
    SCOPED_TRACE("database " + std::to_string(where) + "\n" + text_of(plan));
    check(s, where, plan);
  }
  EXPECT_GT(actions, 3000u) << "the servers are too dull";
}

TEST(reconcile_property, a_plan_that_was_carried_out_leaves_nothing_to_do) {
  for_many_servers([](server s, database_id where, const std::vector<action> &plan) {
    s.carry_out(plan);
    s.now.retry_failed = false;  // what failed a moment ago fails again
    EXPECT_EQ(text_of(reconcile(where, s.desired, s.live, s.now)), "");
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
      // an allocation's name may pass from one extension to another
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
    for (const action &a : plan)
      EXPECT_TRUE(where == every_database || a.home == where || a.home == no_database);
    if (where == every_database)
      for (const action &a : plan) {
        EXPECT_NE(a.kind, action_kind::provision);
        EXPECT_NE(a.kind, action_kind::allocate);
      }
  });
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

// The databases are visited one after the other, as after a start, again and again.
TEST(reconcile_property, visits_of_all_databases_come_to_rest) {
  for_many_servers([](server s, database_id, const std::vector<action> &) {
    s.now.retry_failed = false;
    int rounds = 0;
    for (bool busy = true; busy && rounds < 10; ++rounds) {
      busy = false;
      for (const database_id where : {1u, 2u, 3u, 4u, every_database}) {
        const auto plan = reconcile(where, s.desired, s.live, s.now);
        busy = busy || !plan.empty();
        s.carry_out(plan);
      }
    }
    EXPECT_LT(rounds, 10);
  });
}

}  // namespace
}  // namespace dynpgext::model
