// An extension's registrations: where they belong, how they are found, and which of them are wanted
// in a run of the server.
#include "model/registration.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace dynpgext::model {
namespace {

using samples::allocation_of;
using samples::extension_of;
using samples::settings_of;
using samples::worker_of;

TEST(registration, scopes_have_the_names_that_the_views_show) {
  EXPECT_STREQ(name_of(scope::global), "global");
  EXPECT_STREQ(name_of(scope::database), "database");
}

TEST(registration, only_what_is_local_has_a_database_as_home) {
  EXPECT_EQ(home_of(scope::global, 17), no_database);
  EXPECT_EQ(home_of(scope::database, 17), 17u);
}

TEST(registration, parts_are_one_extension_or_all_but_the_objects_of_some) {
  registrations all;
  for (const char *name : {"a", "b"}) {
    all.extensions.push_back(extension_of(name));
    all.allocations.push_back(allocation_of(name, std::string(name) + ":memory", scope::database));
    all.workers.push_back(worker_of(name, "worker", scope::database));
    all.settings.push_back(settings_of(all.workers.back(), false));
  }
  all.under_restore = restore{};
  const registrations rest = all.without_objects_of({"a"});
  EXPECT_EQ(rest.extensions, all.extensions);
  EXPECT_EQ(rest.allocations, std::vector{all.allocations[1]});
  EXPECT_EQ(rest.workers, std::vector{all.workers[1]});
  EXPECT_EQ(rest.settings, std::vector{all.settings[1]});
  EXPECT_TRUE(rest.under_restore.has_value());
  EXPECT_EQ(all.without_objects_of({}), all);
  const registrations part = all.part_of("b");
  EXPECT_EQ(part.extensions, std::vector{all.extensions[1]});
  EXPECT_EQ(part.allocations, rest.allocations);
  EXPECT_EQ(part.workers, rest.workers);
  EXPECT_EQ(part.settings, rest.settings);
}

TEST(registration, an_extension_is_wanted_when_loaded_and_eager_or_of_this_boot) {
  struct {
    bool eager, loaded;
    std::int64_t boot;
    bool wanted;
  } const table[] = {
      {true, true, 0, true},     // the usual one
      {true, true, 9, true},     // its boot is irrelevant
      {true, false, 0, false},   // unloaded
      {true, false, 7, false},   // unloaded, in this run
      {false, true, 7, true},    // lazy, loaded in this run
      {false, true, 6, false},   // lazy, loaded in an earlier run
      {false, false, 7, false},  // lazy, loaded and unloaded in this run
      {false, false, 0, false},  // lazy, never loaded
  };
  for (const auto &t : table) {
    extension e = extension_of("a");
    e.eager = t.eager;
    e.loaded = t.loaded;
    e.boot = t.boot;
    EXPECT_EQ(e.wanted(7), t.wanted) << t.eager << t.loaded << t.boot;
  }
}

registrations two_extensions() {
  registrations r;
  r.extensions = {extension_of("a"), extension_of("b")};
  r.allocations = {allocation_of("a", "a:1", scope::global),
                   allocation_of("b", "b:1", scope::database),
                   allocation_of("a", "a:2", scope::database)};
  r.workers = {worker_of("a", "w", scope::global), worker_of("b", "w", scope::database)};
  r.settings = {settings_of(r.workers[0], false), settings_of(r.workers[1], true)};
  return r;
}

TEST(registration, things_are_found_by_their_names) {
  const registrations r = two_extensions();
  ASSERT_NE(r.find_extension("b"), nullptr);
  EXPECT_EQ(r.find_extension("b"), &r.extensions[1]);
  EXPECT_EQ(r.find_extension("B"), nullptr);
  EXPECT_EQ(r.find_extension(""), nullptr);
  EXPECT_EQ(r.find_allocation("a:2"), &r.allocations[2]);
  EXPECT_EQ(r.find_allocation("a"), nullptr);
}

TEST(registration, a_worker_is_found_by_extension_and_name) {
  const registrations r = two_extensions();
  EXPECT_EQ(r.find_worker("a", "w"), &r.workers[0]);
  EXPECT_EQ(r.find_worker("b", "w"), &r.workers[1]);
  EXPECT_EQ(r.find_worker("c", "w"), nullptr);
  EXPECT_EQ(r.find_worker("a", "v"), nullptr);
}

TEST(registration, settings_are_found_by_extension_and_name_of_their_worker) {
  const registrations r = two_extensions();
  EXPECT_EQ(r.find_settings("a", "w"), &r.settings[0]);
  EXPECT_EQ(r.find_settings("b", "w"), &r.settings[1]);
  EXPECT_EQ(r.find_settings("c", "w"), nullptr);
  EXPECT_EQ(r.find_settings("a", "v"), nullptr);
}

TEST(registration, nothing_is_found_in_nothing) {
  const registrations r;
  EXPECT_EQ(r.find_extension("a"), nullptr);
  EXPECT_EQ(r.find_allocation("a"), nullptr);
  EXPECT_EQ(r.find_worker("a", "a"), nullptr);
  EXPECT_EQ(r.find_settings("a", "a"), nullptr);
  EXPECT_EQ(r.wanted(1), registrations{});
}

TEST(registration, wanted_keeps_all_of_what_is_wanted) {
  const registrations r = two_extensions();
  EXPECT_EQ(r.wanted(7), r);
}

TEST(registration, wanted_keeps_that_the_database_is_being_restored) {
  registrations r;
  r.under_restore = restore{7, true};
  EXPECT_EQ(r.wanted(7), r);
}

TEST(registration, wanted_drops_an_unwanted_extension_with_all_it_has) {
  registrations r = two_extensions();
  r.extensions[0].loaded = false;
  const registrations w = r.wanted(7);
  EXPECT_EQ(w.extensions, std::vector<extension>{r.extensions[1]});
  EXPECT_EQ(w.allocations, std::vector<allocation>{r.allocations[1]});
  EXPECT_EQ(w.workers, std::vector<worker>{r.workers[1]});
  EXPECT_EQ(w.settings, std::vector<worker_settings>{r.settings[1]});
}

TEST(registration, wanted_drops_what_belongs_to_no_extension) {
  registrations r = two_extensions();
  r.extensions.erase(r.extensions.begin());
  const registrations w = r.wanted(7);
  EXPECT_EQ(w.allocations, std::vector<allocation>{r.allocations[1]});
  EXPECT_EQ(w.workers, std::vector<worker>{r.workers[1]});
  EXPECT_EQ(w.settings, std::vector<worker_settings>{r.settings[1]});
}

TEST(registration, wanting_twice_changes_nothing) {
  registrations r = two_extensions();
  r.extensions[1].eager = false;
  r.extensions[1].boot = 7;
  EXPECT_EQ(r.wanted(7).wanted(7), r.wanted(7));
  EXPECT_EQ(r.wanted(7), r);
  EXPECT_NE(r.wanted(8), r);
}

// Changes one member of a worker at a time.
template <class F>
void for_each_change(F check) {
  void (*const of_the_process[])(worker &) = {
      [](worker &w) { w.extension = "b"; },
      [](worker &w) { w.name = "v"; },
      [](worker &w) { w.type = "other"; },
      [](worker &w) { w.scope = scope::database; },
      [](worker &w) { w.library = "other"; },
      [](worker &w) { w.function = "other"; },
      [](worker &w) { w.flags = 3; },
      [](worker &w) { w.start = 1; },
      [](worker &w) { w.notify = true; },
      [](worker &w) { w.has_callback = true; },
      [](worker &w) { w.extra[worker_extra_size - 1] = 1; },
      [](worker &w) { w.argument = 1; },
      [](worker &w) { w.deadline = 1; },
  };
  void (*const of_supervision[])(worker &) = {
      [](worker &w) { w.restart = restart_policy::always; },
      [](worker &w) { w.restart_delay += 1; },
  };
  int number = 0;
  for (const auto change : of_the_process) check(change, true, ++number);
  for (const auto change : of_supervision) check(change, false, ++number);
}

TEST(registration, every_member_counts_in_a_comparison) {
  const worker w = worker_of("a", "w", scope::global);
  for_each_change([&](auto change, bool, int number) {
    worker other = w;
    change(other);
    EXPECT_NE(w, other) << "change " << number;
  });
  allocation a = allocation_of("a", "n", scope::global);
  allocation b = a;
  b.size += 1;
  EXPECT_NE(a, b);
  const worker_settings set = settings_of(w, {});
  EXPECT_NE(set, settings_of(w, false));
  EXPECT_NE(set, settings_of(w, {}, restart_policy::never));
  EXPECT_NE(set, settings_of(w, {}, {}, default_restart_delay));
}

TEST(registration, who_may_have_a_worker) {
  registrations r;
  for (const char *name : {"loaded", "unloaded", "sql", "lazy"}) {
    extension &e = r.extensions.emplace_back();
    e.name = name;
    if (e.name != "sql") e.library = name;
  }
  r.extensions[1].loaded = r.extensions[2].loaded = false;
  r.extensions[3].eager = false;
  r.extensions[3].boot = 7;
  r.workers.push_back(worker_of("loaded", "w", scope::global));
  EXPECT_TRUE(r.may_have_worker("loaded", "w", 7));
  EXPECT_FALSE(r.may_have_worker("loaded", "v", 7));
  EXPECT_TRUE(r.may_have_worker("unloaded", "w", 7)) << "its library says so when it is loaded";
  EXPECT_FALSE(r.may_have_worker("sql", "w", 7)) << "it has no library";
  EXPECT_FALSE(r.may_have_worker("lazy", "w", 7)) << "it is loaded";
  EXPECT_TRUE(r.may_have_worker("lazy", "w", 8)) << "it was loaded before the restart";
  EXPECT_FALSE(r.may_have_worker("none", "w", 7));
}

TEST(registration, a_process_depends_on_all_but_how_it_is_restarted) {
  const worker w = worker_of("a", "w", scope::global);
  EXPECT_TRUE(same_process(w, w));
  for_each_change([&](auto change, bool of_the_process, int number) {
    worker other = w;
    change(other);
    EXPECT_EQ(same_process(w, other), !of_the_process) << "change " << number;
    EXPECT_EQ(same_process(other, w), !of_the_process) << "change " << number;
  });
}

}  // namespace
}  // namespace dynpgext::model
