// Reading manifests: workers with a function, and with a command.
#include <gtest/gtest.h>

#include "manifests.h"

namespace dynpgext::model {
namespace {

using namespace manifests;

// ---- workers with a function ------------------------------------------------------------------

TEST(manifest_workers, a_worker_with_a_function) {
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

TEST(manifest_workers, everything_of_a_worker_with_a_function) {
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

TEST(manifest_workers, arguments_have_64_bits_and_are_of_global_workers) {
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

TEST(manifest_workers, extra_has_at_most_128_bytes) {
  const auto extra = [](int bytes) {
    return with_c(",\"extra_hex\":" + quoted(repeated("7f", bytes)));
  };
  EXPECT_EQ(read_one(extra(128)).workers.at(0).worker.extra.back(), 0x7f);
  EXPECT_EQ(faults_of(extra(129)), "/workers/0/extra_hex: more than 128 bytes\n");
}

TEST(manifest_workers, booleans_are_true_or_false) {
  EXPECT_EQ(faults_of(with_c(R"(,"connects":1,"notify":"true")")),
            "/workers/0/connects: must be true or false\n"
            "/workers/0/notify: must be true or false\n");
  EXPECT_EQ(faults_of(with_settings(R"(,"enabled":null)")),
            "/settings/0/enabled: must be true or false\n");
}

TEST(manifest_workers, standbys_need_an_early_start) {
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

TEST(manifest_workers, intervals_have_ranges) {
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

TEST(manifest_workers, a_worker_is_of_one_kind) {
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

TEST(manifest_workers, a_worker_with_a_command) {
  const declared_worker d = read_one(with_sql(R"(,"interval":"10 ms")")).workers.at(0);
  const worker &w = d.worker;
  ASSERT_TRUE(d.command);
  EXPECT_EQ(*d.command, (command{"queue", "w", "select 1", 10, "", "", 0, {}}));
  EXPECT_EQ(w.library, numbers.sql_library);
  EXPECT_EQ(w.function, numbers.sql_function);
  EXPECT_EQ(w.flags, 3U);
  EXPECT_EQ(w.start, 2U);
  EXPECT_EQ(w.scope, scope::database);
  EXPECT_EQ(w.restart, restart_policy::always);
  EXPECT_EQ(w.restart_delay, default_restart_delay);
  EXPECT_TRUE(is_bound(w, *d.command));
  EXPECT_TRUE(w.declared);
  EXPECT_TRUE(w.hosted);
  EXPECT_FALSE(w.notify);
}

TEST(manifest_workers, everything_of_a_worker_with_a_command) {
  const declared_worker d =
      read_one(with_sql(R"(,"type":"t","scope":"global","start":"consistent","servers":"both",
      "restart":{"policy":"never","delay":"1 min"},"deadline":"3 s","interval":"366 days",
      "channel":"a channel","run_as":"somebody")"))
          .workers.at(0);
  ASSERT_TRUE(d.command);
  EXPECT_EQ(
      *d.command,
      (command{"queue", "w", "select 1", max_command_interval, "a channel", "somebody", 3000, {}}));
  EXPECT_EQ(d.worker.deadline, 0) << "it is the command's";
  EXPECT_EQ(d.worker.restart, restart_policy::never);
  EXPECT_EQ(d.worker.restart_delay, 60000);
  EXPECT_EQ(d.worker.role, server_role::both);
  EXPECT_EQ(d.worker.start, 1U);
  EXPECT_EQ(d.worker.scope, scope::global);
}

TEST(manifest_workers, a_command_is_more_than_white_space) {
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

TEST(manifest_workers, a_command_runs_at_times_or_when_notified) {
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

TEST(manifest_workers, a_command_shares_a_process_or_has_its_own) {
  const auto process = [](const std::string &said) {
    return read_one(with_sql(R"(,"channel":"c")" + said)).workers.at(0).worker.process;
  };
  EXPECT_EQ(process(""), worker_process::shared);
  EXPECT_EQ(process(R"(,"process":"shared")"), worker_process::shared);
  EXPECT_EQ(process(R"(,"process":"own")"), worker_process::own);
  EXPECT_EQ(faults_of(with_sql(R"(,"channel":"c","process":"Own")")),
            "/workers/0/process: must be \"shared\" or \"own\"\n");
}

TEST(manifest_workers, channels_and_roles_have_at_most_63_bytes) {
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

}  // namespace
}  // namespace dynpgext::model
