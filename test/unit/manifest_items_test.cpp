// Reading manifests: allocations, settings, and registrations of a library.
#include <gtest/gtest.h>

#include "manifests.h"

namespace dynpgext::model {
namespace {

using namespace manifests;

// ---- allocations ------------------------------------------------------------------------------

TEST(manifest_items, an_allocation) {
  const declared_allocation d = read_one(with_allocation("")).allocations.at(0);
  EXPECT_EQ(d.allocation.name, "a");
  EXPECT_EQ(d.allocation.extension, "queue");
  EXPECT_EQ(d.allocation.size, 8U);
  EXPECT_EQ(d.allocation.scope, scope::database);
  EXPECT_TRUE(d.allocation.declared);
  EXPECT_EQ(d.content, "");
  EXPECT_EQ(d.place, "/allocations/0");
  EXPECT_EQ(read_one(with_allocation(R"(,"scope":"global")")).allocations.at(0).allocation.scope,
            scope::global);
}

TEST(manifest_items, sizes_are_integers) {
  const auto with_size = [](const std::string &size) {
    return R"({"dynpgext":1,"allocations":[{"name":"a","size":)" + size + "}]}";
  };
  EXPECT_EQ(read_one(with_size("5.0")).allocations.at(0).allocation.size, 5U);
  EXPECT_EQ(read_one(with_size("1.099511627776e12")).allocations.at(0).allocation.size, 1ULL << 40);
  const std::string range = "/allocations/0/size: must be from 1 to 1099511627776\n";
  for (const char *size : {"0", "-1", "1099511627777", "1e300", "-1e300", "18446744073709551616"})
    EXPECT_EQ(faults_of(with_size(size)), range) << size;
  for (const char *size : {"1.5", "\"8\"", "null", "true", "[1]"})
    EXPECT_EQ(faults_of(with_size(size)), "/allocations/0/size: must be an integer\n") << size;
}

TEST(manifest_items, names_are_counted_in_characters_and_bytes) {
  const auto with_name = [](const std::string &name) {
    return R"({"dynpgext":1,"allocations":[{"size":1,"name":")" + name + "\"}]}";
  };
  EXPECT_EQ(faults_of(with_name(std::string(255, 'n'))), "");
  EXPECT_EQ(faults_of(with_name(repeated(umlaut, 127))), "");
  EXPECT_EQ(faults_of(with_name(std::string(256, 'n'))),
            "/allocations/0/name: more than 255 characters\n");
  EXPECT_EQ(faults_of(with_name(repeated(umlaut, 128))),
            "/allocations/0/name: more than 255 bytes (beyond)\n");
  EXPECT_EQ(faults_of(with_name("")), "/allocations/0/name: must not be empty\n");
}

TEST(manifest_items, content_is_text_or_digits) {
  const auto content = [](const std::string &rest) {
    return read_one(with_allocation(rest)).allocations.at(0).content;
  };
  EXPECT_EQ(content(R"(,"initial":"12345678")"), "12345678");
  EXPECT_EQ(content(R"(,"initial":")" + umlaut + "\""), umlaut);
  EXPECT_EQ(content(R"(,"initial":"")"), "");
  EXPECT_EQ(content(R"(,"initial_hex":"00ff61")"), std::string("\0\xff\x61", 3));
  EXPECT_EQ(content(R"(,"initial_hex":"")"), "");
  EXPECT_EQ(faults_of(with_allocation(R"(,"initial":"123456789")")),
            "/allocations/0/initial: longer than the size of 8 bytes (beyond)\n");
  EXPECT_EQ(faults_of(with_allocation(R"(,"initial_hex":"000000000000000000")")),
            "/allocations/0/initial_hex: longer than the size of 8 bytes (beyond)\n");
  EXPECT_EQ(faults_of(with_allocation(R"(,"initial_hex":"","initial":"")")),
            "/allocations/0/initial_hex: must not stand beside \"initial\"\n");
  EXPECT_EQ(faults_of(with_allocation(R"(,"initial":7)")),
            "/allocations/0/initial: must be a string\n");
  for (const char *digits : {"\"0\"", "\"0g\"", "\"FF\"", "\"00\\n\"", "\" 00\"", "7", "null"})
    EXPECT_EQ(faults_of(with_allocation(std::string(",\"initial_hex\":") + digits)),
              "/allocations/0/initial_hex: must be a string of two digits, 0 to 9 and a to f, for "
              "each byte\n")
        << digits;
}

// ---- settings ---------------------------------------------------------------------------------

TEST(manifest_items, settings_hold_what_is_said) {
  const auto settings = [](const std::string &rest) {
    return read_one(with_settings(rest)).settings.at(0).settings;
  };
  using policy = restart_policy;
  EXPECT_EQ(settings(R"(,"enabled":false)"), (worker_settings{"queue", "w", false, {}, {}}));
  EXPECT_EQ(settings(R"(,"restart":{"policy":"never"})"),
            (worker_settings{"queue", "w", {}, policy::never, {}}));
  EXPECT_EQ(settings(R"(,"restart":{"delay":"1 s"})"),
            (worker_settings{"queue", "w", {}, {}, 1000}));
  EXPECT_EQ(settings(R"(,"enabled":true,"restart":{"delay":"0 s","policy":"always"})"),
            (worker_settings{"queue", "w", true, policy::always, 0}));
  EXPECT_EQ(settings(R"(,"interval":"1 min")"), (worker_settings{"queue", "w", {}, {}, {}, 60000}));
}

TEST(manifest_items, an_interval_that_is_set_is_one_that_a_worker_may_have) {
  for (const char *bad : {"0 s", "-1 s", "9 ms", "367 days"})
    EXPECT_EQ(faults_of(with_settings(std::string(R"(,"interval":")") + bad + "\"")),
              "/settings/0/interval: must be from 10 ms to 366 days (beyond)\n")
        << bad;
  EXPECT_EQ(faults_of(with_settings(R"(,"interval":"366 days")")), "");
}

TEST(manifest_items, settings_say_something) {
  EXPECT_EQ(faults_of(with_settings("")),
            "/settings/0: needs \"enabled\", \"restart\" or \"interval\"\n");
  EXPECT_EQ(faults_of(with_settings(R"(,"restart":{})")),
            "/settings/0/restart: needs \"policy\" or \"delay\"\n");
  EXPECT_EQ(faults_of(with_settings(R"(,"restart":{"polcy":"never"})")),
            "/settings/0/restart: needs \"policy\" or \"delay\"\n"
            "/settings/0/restart/polcy: unknown key, did you mean \"policy\"?\n");
  EXPECT_EQ(faults_of(with_settings(R"(,"restart":"never")")),
            "/settings/0/restart: must be an object\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"settings":[{"enabled":true}]})"),
            "/settings/0/worker: is missing\n");
  EXPECT_EQ(faults_of(with_c(R"(,"restart":{})")), "") << "a worker's may be empty";
}

// ---- registrations of its library --------------------------------------------------------------

TEST(manifest_items, the_librarys_part) {
  const extension_manifest e =
      read_one(with_library(R"(,"allocations":[{"name":"m","size":1,"scope":"global"}],
      "workers":[{"name":"w","library":"l","function":"f","callback":true,"start":"postmaster",
      "servers":"both","connects":false}])"));
  ASSERT_TRUE(e.library);
  EXPECT_EQ(e.library->library, "$libdir/queue");
  EXPECT_EQ(e.library->allocations.at(0).name, "m");
  EXPECT_EQ(e.library->allocations.at(0).extension, "queue");
  EXPECT_FALSE(e.library->allocations.at(0).declared);
  EXPECT_TRUE(e.library->workers.at(0).has_callback);
  EXPECT_FALSE(e.library->workers.at(0).declared);
  EXPECT_EQ(e.library->workers.at(0).start, numbers.start_postmaster);
  EXPECT_EQ(e.library->workers.at(0).role, server_role::both);
  EXPECT_TRUE(e.workers.empty());
}

TEST(manifest_items, the_librarys_part_has_no_content_and_no_commands) {
  const std::string not_c = "not of a worker with a function\n";
  EXPECT_EQ(faults_of(with_library(R"(,"allocations":[{"name":"m","size":1,"initial":"",
      "initial_hex":""}],"workers":[{"name":"w","command":"x","interval":"1 s"}],"settings":[])")),
            "/library/allocations/0/initial: only of memory that is declared\n"
            "/library/allocations/0/initial_hex: only of memory that is declared\n"
            "/library/workers/0/command: " +
                not_c + "/library/workers/0/interval: " + not_c +
                "/library/workers/0/library: is missing\n"
                "/library/workers/0/function: is missing\n"
                "/library/settings: unknown key\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"library":{}})"), "/library/name: is missing\n");
}

}  // namespace
}  // namespace dynpgext::model
