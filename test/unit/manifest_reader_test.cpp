// Reading manifests: what each key becomes, and what is said of each mistake.
#include <gtest/gtest.h>

#include "manifests.h"

namespace dynpgext::model {
namespace {

using manifests::faults_of;
using manifests::numbers;
using manifests::read;

// The one extension of a manifest without faults.
extension_manifest read_one(const std::string &text, const std::string &extension = "queue") {
  manifest_result r = read(text, extension);
  EXPECT_EQ(manifests::text_of(r.faults), "") << text;
  EXPECT_EQ(r.document.extensions.size(), 1U);
  r.document.extensions.resize(1);
  return r.document.extensions[0];
}

// Documents with one item; `rest` are members, each with a comma before it.
std::string with_allocation(const std::string &rest) {
  return R"({"dynpgext":1,"allocations":[{"name":"a","size":8)" + rest + "}]}";
}
std::string with_c(const std::string &rest) {
  return R"({"dynpgext":1,"workers":[{"name":"w","library":"l","function":"f")" + rest + "}]}";
}
std::string with_sql(const std::string &rest) {
  return R"({"dynpgext":1,"workers":[{"name":"w","command":"select 1")" + rest + "}]}";
}
std::string with_settings(const std::string &rest) {
  return R"({"dynpgext":1,"settings":[{"worker":"w")" + rest + "}]}";
}
std::string with_library(const std::string &rest) {
  return R"({"dynpgext":1,"library":{"name":"$libdir/queue")" + rest + "}}";
}
std::string quoted(const std::string &text) { return "\"" + text + "\""; }
std::string repeated(const std::string &what, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += what;
  return result;
}

const std::string umlaut = "\xc3\xa4";

// ---- the document -----------------------------------------------------------------------------

TEST(manifest_reader, the_least_manifest) {
  const extension_manifest e = read_one(R"({"dynpgext":1})");
  EXPECT_EQ(e.extension, "queue");
  EXPECT_EQ(e.version, std::nullopt);
  EXPECT_EQ(e.library, std::nullopt);
  EXPECT_EQ(e.place, "");
}

TEST(manifest_reader, the_document_is_an_object_of_this_version) {
  EXPECT_EQ(faults_of("[]"), "(document): must be an object\n");
  EXPECT_EQ(faults_of("{}"), "/dynpgext: is missing\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":2})"), "/dynpgext: must be 1\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":true})"), "/dynpgext: must be 1\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":"1"})"), "/dynpgext: must be 1\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1.0})"), "");
}

TEST(manifest_reader, says_whose_it_is_unless_the_caller_does) {
  EXPECT_EQ(read_one(R"({"dynpgext":1,"extension":"queue"})").extension, "queue");
  EXPECT_EQ(read_one(R"({"dynpgext":1,"extension":"other"})", "").extension, "other");
  EXPECT_EQ(faults_of(R"({"dynpgext":1})", ""), "/extension: is missing (beyond)\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extension":"other"})"),
            "/extension: is not \"queue\" (beyond)\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extension":""})"), "/extension: must not be empty\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extension":7})", ""), "/extension: must be a string\n");
}

TEST(manifest_reader, has_a_version) {
  EXPECT_EQ(read_one(R"({"dynpgext":1,"version":"1.0"})").version, "1.0");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"version":1.0})"), "/version: must be a string\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"version":")" + std::string(256, 'v') + "\"}"),
            "/version: more than 255 characters\n");
}

TEST(manifest_reader, unknown_keys_are_named_with_the_nearest_known_one) {
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"worker":[],"wrokers":1,"x":1,"a/b~":1,"":1})"),
            "/worker: unknown key, did you mean \"workers\"?\n"
            "/wrokers: unknown key, did you mean \"workers\"?\n"
            "/x: unknown key\n/a~1b~0: unknown key\n/: unknown key\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"workers":[],"worker":[]})"), "/worker: unknown key\n")
      << "the key it may mean is there";
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"allocations":[{"nam":"a","size":1}]})"),
            "/allocations/0/nam: unknown key, did you mean \"name\"?\n"
            "/allocations/0/name: is missing\n");
}

TEST(manifest_reader, all_faults_are_found_in_the_order_of_the_document) {
  EXPECT_EQ(faults_of(R"({"library":{"workers":[7],"name":""},
      "settings":[{"restart":{"delay":"x","policy":"y"},"worker":1}],
      "workers":[{"command":"  ","name":"w","interval":"1 ms","channel":""},null],
      "x":1,"allocations":[{"size":0,"scope":"here"}]})"),
            "/library/workers/0: must be an object\n/library/name: must not be empty\n"
            "/settings/0/restart/delay: not an interval (beyond)\n"
            "/settings/0/restart/policy: must be \"never\", \"on_failure\" or \"always\"\n"
            "/settings/0/worker: must be a string\n"
            "/workers/0/command: must not be only white space\n"
            "/workers/0/interval: must be from 10 ms to 366 days (beyond)\n"
            "/workers/0/channel: must not be empty\n/workers/1: must be an object\n"
            "/x: unknown key\n/allocations/0/size: must be from 1 to 1099511627776\n"
            "/allocations/0/scope: must be \"global\" or \"database\"\n"
            "/allocations/0/name: is missing\n/dynpgext: is missing\n");
}

TEST(manifest_reader, lists_are_lists) {
  for (const std::string list : {"allocations", "workers", "settings"})
    EXPECT_EQ(faults_of(R"({"dynpgext":1,")" + list + "\":{}}"),
              "/" + list + ": must be an array\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":1})", ""), "/extensions: must be an array\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"library":[]})"), "/library: must be an object\n");
}

// ---- a whole database -------------------------------------------------------------------------

TEST(manifest_reader, a_database_has_extensions) {
  const manifest_result r = read(
      R"({"dynpgext":1,"extensions":[{"extension":"b","workers":[{"name":"w","library":"l",
      "function":"f"}]},{"extension":"a","settings":[{"worker":"w","enabled":true}]}]})",
      "");
  EXPECT_EQ(manifests::text_of(r.faults), "");
  EXPECT_TRUE(r.document.whole_database);
  ASSERT_EQ(r.document.extensions.size(), 2U);
  EXPECT_EQ(r.document.extensions[0].extension, "b");
  EXPECT_EQ(r.document.extensions[0].workers.at(0).worker.extension, "b");
  EXPECT_EQ(r.document.extensions[0].workers.at(0).place, "/extensions/0/workers/0");
  EXPECT_EQ(r.document.extensions[1].place, "/extensions/1");
  EXPECT_EQ(r.document.extensions[1].settings.at(0).settings.extension, "a");
  EXPECT_EQ(r.document.extensions[1].settings.at(0).place, "/extensions/1/settings/0");
}

TEST(manifest_reader, a_database_without_extensions) {
  const manifest_result r = read(R"({"dynpgext":1,"extensions":[]})", "");
  EXPECT_EQ(manifests::text_of(r.faults), "");
  EXPECT_TRUE(r.document.whole_database);
  EXPECT_TRUE(r.document.extensions.empty());
}

TEST(manifest_reader, extensions_stand_alone_and_are_named) {
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":[],"workers":[],"extra":1})", ""),
            "/workers: must not stand beside \"extensions\"\n/extra: unknown key\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":[{},3,{"extension":"a","dynpgext":1}]})", ""),
            "/extensions/0/extension: is missing\n/extensions/1: must be an object\n"
            "/extensions/2/dynpgext: unknown key\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":[]})", "queue"),
            "/extensions: not in the manifest of one extension (beyond)\n");
}

TEST(manifest_reader, names_stand_once) {
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":[
      {"extension":"a","allocations":[{"name":"m","size":1}],
       "library":{"name":"l","workers":[{"name":"w","library":"l","function":"f"}]},
       "settings":[{"worker":"w","enabled":true},{"worker":"w","enabled":false}],
       "workers":[{"name":"w","library":"l","function":"f"}]},
      {"extension":"b","workers":[{"name":"w","library":"l","function":"f"}],
       "allocations":[{"name":"m","size":1}],"settings":[{"worker":"w","enabled":true}]},
      {"extension":"a","library":{"name":"l","allocations":[{"name":"m","size":2}]}}]})",
                      ""),
            "/extensions/0/settings/1/worker: \"w\" stands at /extensions/0/settings/0/worker "
            "already (beyond)\n"
            "/extensions/0/workers/0/name: \"w\" stands at /extensions/0/library/workers/0/name "
            "already (beyond)\n"
            "/extensions/1/allocations/0/name: \"m\" stands at /extensions/0/allocations/0/name "
            "already (beyond)\n"
            "/extensions/2/extension: \"a\" stands at /extensions/0/extension already (beyond)\n"
            "/extensions/2/library/allocations/0/name: \"m\" stands at "
            "/extensions/0/allocations/0/name already (beyond)\n");
}

TEST(manifest_reader, an_extension_has_at_most_a_thousand) {
  const auto text = [](int allocations, int workers) {
    std::string a, w;
    for (int i = 0; i < allocations; ++i)
      a += (i > 0 ? "," : "") + (R"({"size":1,"name":"a)" + std::to_string(i) + "\"}");
    for (int i = 0; i < workers; ++i)
      w += (i > 0 ? "," : "") +
           (R"({"library":"l","function":"f","name":"w)" + std::to_string(i) + "\"}");
    return R"({"dynpgext":1,"allocations":[)" + a + "],\"workers\":[" + w + "]}";
  };
  EXPECT_EQ(faults_of(text(1000, 0)), "");
  EXPECT_EQ(faults_of(text(500, 500)), "");
  EXPECT_EQ(faults_of(text(500, 501)),
            "(document): more than 1000 allocations and workers (beyond)\n");
  EXPECT_EQ(faults_of(text(1001, 0)),
            "(document): more than 1000 allocations and workers (beyond)\n"
            "/allocations: more than 1000 items\n");
}

// ---- allocations ------------------------------------------------------------------------------

TEST(manifest_reader, an_allocation) {
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

TEST(manifest_reader, sizes_are_integers) {
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

TEST(manifest_reader, names_are_counted_in_characters_and_bytes) {
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

TEST(manifest_reader, content_is_text_or_digits) {
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

// ---- workers with a function ------------------------------------------------------------------

TEST(manifest_reader, a_worker_with_a_function) {
  const declared_worker d = read_one(with_c("")).workers.at(0);
  const worker &w = d.worker;
  EXPECT_EQ(d.command, std::nullopt);
  EXPECT_EQ(d.place, "/workers/0");
  EXPECT_EQ(w.extension, "queue");
  EXPECT_EQ(w.name, "w");
  EXPECT_EQ(w.type, "w");
  EXPECT_EQ(w.scope, scope::database);
  EXPECT_EQ(w.library, "l");
  EXPECT_EQ(w.function, "f");
  EXPECT_EQ(w.flags, 3U);
  EXPECT_EQ(w.start, 2U);
  EXPECT_FALSE(w.notify);
  EXPECT_FALSE(w.has_callback);
  EXPECT_EQ(w.extra, decltype(w.extra){});
  EXPECT_EQ(w.argument, 0U);
  EXPECT_EQ(w.restart, restart_policy::never);
  EXPECT_EQ(w.restart_delay, default_restart_delay);
  EXPECT_EQ(w.role, server_role::by_start_time);
  EXPECT_EQ(w.deadline, 0);
  EXPECT_TRUE(w.declared);
  EXPECT_FALSE(w.hosted);
}

TEST(manifest_reader, everything_of_a_worker_with_a_function) {
  const worker w =
      read_one(with_c(R"(,"type":"t","scope":"global","start":"consistent","servers":"standby",
      "restart":{"policy":"on_failure","delay":"250 ms"},"deadline":"5 s","connects":false,
      "argument":-2,"extra_hex":"6100ff","notify":true)"))
          .workers.at(0)
          .worker;
  EXPECT_EQ(w.type, "t");
  EXPECT_EQ(w.scope, scope::global);
  EXPECT_EQ(w.flags, 1U);
  EXPECT_EQ(w.start, 1U);
  EXPECT_TRUE(w.notify);
  EXPECT_EQ(std::string(w.extra.data(), 4), std::string("a\0\xff\0", 4));
  EXPECT_EQ(w.argument, static_cast<std::uint64_t>(-2));
  EXPECT_EQ(w.restart, restart_policy::on_failure);
  EXPECT_EQ(w.restart_delay, 250);
  EXPECT_EQ(w.role, server_role::standby);
  EXPECT_EQ(w.deadline, 5000);
}

TEST(manifest_reader, arguments_have_64_bits_and_are_of_global_workers) {
  const auto argument = [](const std::string &n) {
    return with_c(R"(,"scope":"global","argument":)" + n);
  };
  EXPECT_EQ(read_one(argument("9223372036854775807")).workers.at(0).worker.argument, INT64_MAX);
  EXPECT_EQ(read_one(argument("-9223372036854775808")).workers.at(0).worker.argument, 1ULL << 63);
  for (const char *n : {"9223372036854775808", "-9223372036854775809", "9.3e18", "-1e19"})
    EXPECT_EQ(faults_of(argument(n)),
              "/workers/0/argument: must be from -9223372036854775808 to 9223372036854775807\n")
        << n;
  EXPECT_EQ(faults_of(with_c(R"(,"argument":0)")),
            "/workers/0/argument: needs \"scope\": \"global\"\n");
}

TEST(manifest_reader, extra_has_at_most_128_bytes) {
  const auto extra = [](int bytes) {
    return with_c(",\"extra_hex\":" + quoted(repeated("7f", bytes)));
  };
  EXPECT_EQ(read_one(extra(128)).workers.at(0).worker.extra.back(), 0x7f);
  EXPECT_EQ(faults_of(extra(129)), "/workers/0/extra_hex: more than 128 bytes\n");
}

TEST(manifest_reader, booleans_are_true_or_false) {
  EXPECT_EQ(faults_of(with_c(R"(,"connects":1,"notify":"true")")),
            "/workers/0/connects: must be true or false\n"
            "/workers/0/notify: must be true or false\n");
  EXPECT_EQ(faults_of(with_settings(R"(,"enabled":null)")),
            "/settings/0/enabled: must be true or false\n");
}

TEST(manifest_reader, standbys_need_an_early_start) {
  for (const std::string servers : {"standby", "both"}) {
    const std::string member = R"(,"servers":")" + servers + "\"";
    const std::string fault = "/workers/0/servers: needs \"start\": \"consistent\"\n";
    EXPECT_EQ(faults_of(with_c(member)), fault);
    EXPECT_EQ(faults_of(with_c(member + R"(,"start":"recovery_finished")")), fault);
    EXPECT_EQ(faults_of(with_sql(R"(,"interval":"1 s")" + member)), fault);
    EXPECT_EQ(faults_of(with_c(member + R"(,"start":"consistent")")), "");
  }
  EXPECT_EQ(read_one(with_c(R"(,"servers":"primary")")).workers.at(0).worker.role,
            server_role::primary);
  EXPECT_EQ(read_one(with_c(R"(,"servers":"both","start":"consistent")")).workers.at(0).worker.role,
            server_role::both);
  EXPECT_EQ(faults_of(with_c(R"(,"servers":"by start time","start":"soon")")),
            "/workers/0/servers: must be \"primary\", \"standby\" or \"both\"\n"
            "/workers/0/start: must be \"consistent\" or \"recovery_finished\"\n");
  EXPECT_EQ(faults_of(with_c(R"(,"start":"postmaster")")),
            "/workers/0/start: must be \"consistent\" or \"recovery_finished\"\n");
}

TEST(manifest_reader, intervals_have_ranges) {
  const auto delay = [](const std::string &text) {
    return with_c(R"(,"restart":{"delay":")" + text + "\"}");
  };
  EXPECT_EQ(read_one(delay("0 s")).workers.at(0).worker.restart_delay, 0);
  EXPECT_EQ(read_one(delay("24 h")).workers.at(0).worker.restart_delay, max_restart_delay);
  EXPECT_EQ(read_one(delay("1 us")).workers.at(0).worker.restart_delay, 1) << "never none";
  const std::string range = "must be from 0 to 24 hours (beyond)\n";
  EXPECT_EQ(faults_of(delay("-1 us")), "/workers/0/restart/delay: " + range);
  EXPECT_EQ(faults_of(delay("86400001 ms")), "/workers/0/restart/delay: " + range);
  EXPECT_EQ(faults_of(delay("soon")), "/workers/0/restart/delay: not an interval (beyond)\n");
  EXPECT_EQ(faults_of(delay("")), "/workers/0/restart/delay: must not be empty\n");
  EXPECT_EQ(faults_of(delay(std::string(101, ' '))),
            "/workers/0/restart/delay: more than 100 characters\n");
  EXPECT_EQ(faults_of(with_c(R"(,"deadline":5)")), "/workers/0/deadline: must be a string\n");
  EXPECT_EQ(faults_of(with_c(R"(,"deadline":"25 h")")), "/workers/0/deadline: " + range);
}

TEST(manifest_reader, a_worker_is_of_one_kind) {
  const std::string not_c = "not of a worker with a function\n";
  const std::string not_sql = "not of a worker with a command\n";
  EXPECT_EQ(faults_of(with_c(R"(,"interval":"1 s","channel":"c","run_as":"r","callback":true)")),
            "/workers/0/interval: " + not_c + "/workers/0/channel: " + not_c +
                "/workers/0/run_as: " + not_c +
                "/workers/0/callback: only of what the library registers\n");
  EXPECT_EQ(faults_of(with_sql(R"(,"interval":"1 s","library":"l","function":"f","connects":true,
      "argument":1,"extra_hex":"","notify":true)")),
            "/workers/0/library: " + not_sql + "/workers/0/function: " + not_sql +
                "/workers/0/connects: " + not_sql + "/workers/0/argument: " + not_sql +
                "/workers/0/extra_hex: " + not_sql + "/workers/0/notify: " + not_sql);
  const auto faults = [](const std::string &rest) {
    return faults_of(R"({"dynpgext":1,"workers":[{"name":"w")" + rest + "}]}");
  };
  EXPECT_EQ(faults(""), "/workers/0: needs \"library\" and \"function\", or \"command\"\n");
  EXPECT_EQ(faults(R"(,"comand":"x")"),
            "/workers/0: needs \"library\" and \"function\", or \"command\"\n"
            "/workers/0/comand: unknown key, did you mean \"command\"?\n");
  EXPECT_EQ(faults(R"(,"library":"l")"), "/workers/0/function: is missing\n");
  EXPECT_EQ(faults(R"(,"function":"f")"), "/workers/0/library: is missing\n");
  EXPECT_EQ(faults(R"(,"interval":"1 s")"), "/workers/0/command: is missing\n");
}

// ---- workers with a command -------------------------------------------------------------------

TEST(manifest_reader, a_worker_with_a_command) {
  const declared_worker d = read_one(with_sql(R"(,"interval":"10 ms")")).workers.at(0);
  const worker &w = d.worker;
  ASSERT_TRUE(d.command);
  EXPECT_EQ(*d.command, (command{"queue", "w", "select 1", 10, "", "", 0}));
  EXPECT_EQ(w.library, numbers.sql_library);
  EXPECT_EQ(w.function, numbers.sql_function);
  EXPECT_EQ(w.flags, 3U);
  EXPECT_EQ(w.start, 2U);
  EXPECT_EQ(w.scope, scope::database);
  EXPECT_EQ(w.restart, restart_policy::always);
  EXPECT_EQ(w.restart_delay, default_restart_delay);
  EXPECT_EQ(w.extra, digest_of(*d.command));
  EXPECT_TRUE(w.declared);
  EXPECT_TRUE(w.hosted);
  EXPECT_FALSE(w.notify);
}

TEST(manifest_reader, everything_of_a_worker_with_a_command) {
  const declared_worker d =
      read_one(with_sql(R"(,"type":"t","scope":"global","start":"consistent","servers":"both",
      "restart":{"policy":"never","delay":"1 min"},"deadline":"3 s","interval":"366 days",
      "channel":"a channel","run_as":"somebody")"))
          .workers.at(0);
  ASSERT_TRUE(d.command);
  EXPECT_EQ(*d.command, (command{"queue", "w", "select 1", max_command_interval, "a channel",
                                 "somebody", 3000}));
  EXPECT_EQ(d.worker.deadline, 0) << "it is the command's";
  EXPECT_EQ(d.worker.restart, restart_policy::never);
  EXPECT_EQ(d.worker.restart_delay, 60000);
  EXPECT_EQ(d.worker.role, server_role::both);
  EXPECT_EQ(d.worker.start, 1U);
  EXPECT_EQ(d.worker.scope, scope::global);
}

TEST(manifest_reader, a_command_is_more_than_white_space) {
  const auto faults = [](const std::string &sql) {
    return faults_of(R"({"dynpgext":1,"workers":[{"name":"w","interval":"1 s","command":")" + sql +
                     "\"}]}");
  };
  EXPECT_EQ(faults(std::string(65536, 'x')), "");
  EXPECT_EQ(faults(std::string(65537, 'x')), "/workers/0/command: more than 65536 characters\n");
  EXPECT_EQ(faults(""), "/workers/0/command: must not be empty\n");
  EXPECT_EQ(faults(" \\t\\n\\r\\f\\u000b"), "/workers/0/command: must not be only white space\n");
  EXPECT_EQ(faults("\xc2\xa0"), "") << "to the server, this is no white space";
}

TEST(manifest_reader, a_command_runs_at_times_or_when_notified) {
  EXPECT_EQ(faults_of(with_sql("")), "/workers/0: needs \"interval\" or \"channel\"\n");
  EXPECT_EQ(read_one(with_sql(R"(,"channel":"c")")).workers.at(0).command->channel, "c");
  EXPECT_EQ(faults_of(with_sql(R"(,"interval":"9999 us")")),
            "/workers/0/interval: must be from 10 ms to 366 days (beyond)\n");
  EXPECT_EQ(faults_of(with_sql(R"(,"interval":"367 days")")),
            "/workers/0/interval: must be from 10 ms to 366 days (beyond)\n");
  for (const char *servers : {"standby", "both"})
    EXPECT_EQ(faults_of(with_sql(std::string(R"(,"channel":"c","start":"consistent","servers":")") +
                                 servers + "\"")),
              "/workers/0/channel: needs \"interval\" beside it: standbys have no notifications\n");
  EXPECT_EQ(faults_of(with_sql(R"(,"channel":"c","servers":"primary")")), "");
}

TEST(manifest_reader, channels_and_roles_have_at_most_63_bytes) {
  for (const std::string key : {"channel", "run_as"}) {
    const auto with = [&](const std::string &text) {
      return with_sql(R"(,"interval":"1 s",")" + key + "\":" + quoted(text));
    };
    EXPECT_EQ(faults_of(with(std::string(63, 'x'))), "");
    EXPECT_EQ(faults_of(with(std::string(64, 'x'))),
              "/workers/0/" + key + ": more than 63 characters\n");
    EXPECT_EQ(faults_of(with(repeated(umlaut, 32))),
              "/workers/0/" + key + ": more than 63 bytes (beyond)\n");
  }
}

// ---- settings ---------------------------------------------------------------------------------

TEST(manifest_reader, settings_hold_what_is_said) {
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
}

TEST(manifest_reader, settings_say_something) {
  EXPECT_EQ(faults_of(with_settings("")), "/settings/0: needs \"enabled\" or \"restart\"\n");
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

// ---- what its library registers ---------------------------------------------------------------

TEST(manifest_reader, the_librarys_part) {
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

TEST(manifest_reader, the_librarys_part_has_no_content_and_no_commands) {
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

// ---- the reader itself ------------------------------------------------------------------------

TEST(manifest_reader, numbers_are_the_callers) {
  server_numbers others;
  others.start_consistent = 11;
  others.start_recovery_finished = 12;
  others.flag_shmem_access = 4;
  others.flag_connects = 8;
  others.max_worker_name = 3;
  const auto read_with = [&](const std::string &name, const std::string &start) {
    const json::parsed p =
        manifests::parse(R"({"dynpgext":1,"workers":[{"library":"l","start":")" + start +
                         R"(","function":"f","name":")" + name + "\"}]}");
    return read_manifest(p.document, "queue", others, manifests::microseconds_of);
  };
  const manifest_result r = read_with("abc", "consistent");
  EXPECT_EQ(r.document.extensions.at(0).workers.at(0).worker.flags, 12U);
  EXPECT_EQ(r.document.extensions.at(0).workers.at(0).worker.start, 11U);
  EXPECT_EQ(manifests::text_of(read_with("abcd", "consistent").faults),
            "/workers/0/name: more than 3 characters\n");
}

TEST(manifest_reader, many_mistakes_take_little_time_and_memory) {
  std::string text = "{\"dynpgext\":1";
  for (int i = 0; i < 60000; ++i) text += ",\"k" + std::to_string(i) + "\":0";
  const std::vector<json::fault> faults = read(text + "}").faults;
  ASSERT_EQ(faults.size(), 10001U);
  EXPECT_EQ(json::text_of(faults.back()), "(document): too many faults to show all");
  EXPECT_FALSE(faults.back().beyond_schema);
  text = "{\"dynpgext\":1,\"allocations\":[0";
  for (int i = 0; i < 60000; ++i) text += ",{}";
  EXPECT_EQ(read(text + "]}").faults.size(), 10001U);
}

TEST(manifest_reader, what_is_lost_of_many_mistakes_is_beyond_the_schema_only_if_all_of_it_is) {
  std::string settings;
  for (int i = 0; i < 15000; ++i)
    settings += std::string(i > 0 ? "," : "") + R"({"worker":"w","enabled":true})";
  std::string text = "{\"dynpgext\":1,\"extensions\":[";
  for (int i = 0; i < 15; ++i)
    text += std::string(i > 0 ? "," : "") + "{\"extension\":\"e" + std::to_string(i) +
            "\",\"settings\":[" + settings.substr(0, 30 * 1000 - 1) + "]}";
  const std::vector<json::fault> faults = read(text + "]}", "").faults;
  ASSERT_EQ(faults.size(), 10001U);
  EXPECT_TRUE(faults.front().beyond_schema);
  EXPECT_TRUE(faults.back().beyond_schema);
}

}  // namespace
}  // namespace dynpgext::model
