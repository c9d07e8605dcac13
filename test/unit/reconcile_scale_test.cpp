// The reconciler's time is linear in its input, not quadratic: measured in comparisons of names.
#include "model/installed.h"
#include "model/reconcile.h"

#include <gtest/gtest.h>

#include <cmath>

namespace {
std::uint64_t comparisons = 0;
}

// Replaces the C library's function in this program: std::string compares with it.
extern "C" int memcmp(const void *a, const void *b, std::size_t size) noexcept {
  ++comparisons;
  const auto *x = static_cast<const unsigned char *>(a);
  const auto *y = static_cast<const unsigned char *>(b);
  for (std::size_t i = 0; i < size; ++i)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

namespace dynpgext::model {
namespace {

// This many databases, each with this many extensions that each register as many objects of each
// kind: half of them are live, an eighth of the workers has settings, a quarter of the global
// objects is registered by all.
struct crowd {
  std::vector<desired_database> desired;
  live_state live;

  crowd(database_id databases, int extensions, int objects) {
    for (database_id d = 1; d <= databases; ++d) {
      desired.push_back({d, {}});
      for (int e = 0; e < extensions; ++e)
        add_extension(d, "extension " + std::to_string(e), objects);
    }
  }

 private:
  void add_extension(database_id d, const std::string &name, int objects) {
    registrations &all = desired.back().registrations;
    extension &owner = all.extensions.emplace_back();
    owner.name = name;
    owner.version = "1.0";
    live.extensions.push_back({d, name, extension_state::provisioned});
    for (int i = 0; i < objects; ++i) {
      const bool is_global = i % 4 == 0;
      const auto where = is_global ? scope::global : scope::database;
      const std::string object = name + " object " + std::to_string(i);
      all.allocations.push_back({.name = object, .extension = name, .scope = where, .size = 8});
      worker &registered = all.workers.emplace_back();
      registered.extension = name;
      registered.name = object;
      registered.scope = where;
      if (i % 8 == 1) all.settings.push_back({name, object, false, {}, {}});
      if (i % 2 == 1 || (is_global && d > 1)) continue;
      const database_id home = home_of(where, d);
      live.allocations.push_back({home, object, name, 8, d, 0});
      live_worker &w = live.workers.emplace_back();
      w.home = home;
      w.definition = registered;
      w.version = "1.0";
      w.source = d;
      w.state = worker_state::running;
    }
  }
};

std::uint64_t work_of(const crowd &c, database_id database) {
  comparisons = 0;
  const circumstances now{.retry_failed = true};
  (void)reconcile(database, c.desired, c.live, now);
  return comparisons;
}

void expect_bounded(const crowd &c, database_id database, double registrations) {
  const auto work = static_cast<double>(work_of(c, database));
  EXPECT_GT(work, registrations);  // comparisons are counted
  EXPECT_LT(work, 40 * registrations * std::log2(registrations));
}

TEST(reconcile, a_hundred_thousand_registrations_of_one_database) {
  expect_bounded({1, 50, 1000}, 1, 100000);
}

TEST(reconcile, a_hundred_thousand_extensions) { expect_bounded({1, 50000, 1}, 1, 100000); }

TEST(reconcile, a_hundred_thousand_registrations_in_a_thousand_databases) {
  const crowd c(1000, 10, 5);
  expect_bounded(c, 1, 100000);
}

TEST(reconcile, an_extension_of_many_is_found_to_be_installed) {
  std::vector<installed_extension> installed;
  std::vector<extension> registered;
  for (int i = 0; i < 100000; ++i) {
    const std::string name = "extension " + std::to_string(i);
    installed.push_back({name, "1.0"});
    extension &e = registered.emplace_back();
    e.name = name;
    e.version = i == 7 ? "0.9" : "1.0";
  }
  comparisons = 0;
  EXPECT_EQ(compare_installed(installed, registered, false).size(), 1U);
  EXPECT_LT(static_cast<double>(comparisons), 40 * 100000 * std::log2(100000));
}

}  // namespace
}  // namespace dynpgext::model
