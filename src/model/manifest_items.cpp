#include "model/manifest_items.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace dynpgext::model::fields {
namespace {

constexpr interval_range up_to_a_day{0, max_restart_delay, "must be from 0 to 24 hours"};
constexpr interval_range between_runs{min_command_interval, max_command_interval,
                                      "must be from 10 ms to 366 days"};

scope read_scope(object &o) {
  std::size_t chosen = 1;
  o.choice("scope", {"global", "database"}, chosen);
  return static_cast<scope>(chosen);
}

void read_content(object &o, std::uint64_t size, std::string &into) {
  const auto take = [&](const char *name, const std::string &content) {
    if (content.size() > size)
      o.fault(name, "longer than the size of " + std::to_string(size) + " bytes", true);
    into = content;
  };
  std::string content;
  if (o.text("initial", {0, 0}, content)) take("initial", content);
  if (o.hex("initial_hex", 0, content)) take("initial_hex", content);
  if (o.has("initial") && o.has("initial_hex"))
    o.fault("initial_hex", "must not stand beside \"initial\"");
}

void read_start(object &o, const server_numbers &numbers, part where, worker &w) {
  const std::uint32_t starts[] = {numbers.start_consistent, numbers.start_recovery_finished,
                                  numbers.start_postmaster};
  std::size_t start = 1;
  const bool is_good =
      where == part::library
          ? o.choice("start", {"consistent", "recovery_finished", "postmaster"}, start)
          : o.choice("start", {"consistent", "recovery_finished"}, start);
  w.start = starts[start];
  std::size_t servers = 0;
  if (!o.choice("servers", {"primary", "standby", "both"}, servers)) return;
  w.role = static_cast<server_role>(servers + 1);
  if (servers > 0 && start == 1 && (is_good || !o.has("start")))
    o.fault("servers", "needs \"start\": \"consistent\"");
}

// A restart's object; what it does not say is left alone.
void read_restart(reading &r, object &outer, std::optional<restart_policy> &policy,
                  std::optional<std::int64_t> &delay, bool may_be_empty) {
  const json::value *const v = outer.get("restart");
  if (v == nullptr) return;
  const place at = outer.place_of("restart");
  object o(r.all, at, *v);
  if (!o.is_object()) return;
  std::size_t chosen = 0;
  if (o.choice("policy", {"never", "on_failure", "always"}, chosen))
    policy = static_cast<restart_policy>(chosen);
  std::int64_t milliseconds = 0;
  if (o.interval("delay", r.read_interval, up_to_a_day, milliseconds)) delay = milliseconds;
  if (!may_be_empty && !o.has("policy") && !o.has("delay"))
    r.all.add(at, "needs \"policy\" or \"delay\"");
  o.finish();
}

// A worker that has keys of neither kind is taken for one with a function.
bool says_sql(const object &o) {
  if (o.has("command")) return true;
  return !o.has("library") && !o.has("function") &&
         (o.has("interval") || o.has("channel") || o.has("run_as"));
}

void read_function(reading &r, object &o, part where, worker &w) {
  if (where == part::declared && !o.has("library") && !o.has("function")) {
    for (const char *const name : {"library", "function", "command"}) o.get(name);
    r.all.add(o.where(), "needs \"library\" and \"function\", or \"command\"");
  } else {
    o.text("library", {1, max_library_name}, w.library, required);
    o.text("function", {1, r.numbers.max_worker_name, true}, w.function, required);
  }
  bool connects = true;
  o.boolean("connects", connects);
  w.flags = r.numbers.flag_shmem_access | (connects ? r.numbers.flag_connects : 0);
  std::int64_t argument = 0;
  if (o.integer("argument", INT64_MIN, INT64_MAX, argument))
    w.argument = static_cast<std::uint64_t>(argument);
  if (o.has("argument") && w.scope != scope::global)
    o.fault("argument", "needs \"scope\": \"global\"");
  std::string extra;
  if (o.hex("extra_hex", worker_extra_size, extra))
    std::copy(extra.begin(), extra.end(), w.extra.begin());
  o.boolean("notify", w.notify);
  if (where == part::library) o.boolean("callback", w.has_callback);
  constexpr const char *why = "not of a worker with a function";
  o.finish({{"command", why},
            {"interval", why},
            {"channel", why},
            {"run_as", why},
            {"atomic", why},
            {"callback", "only of what the library registers"}});
}

void check_command(reading &r, object &o, const worker &w, const command &c) {
  if (!c.sql.empty() && c.sql.find_first_not_of(" \t\n\r\f\v") == c.sql.npos)
    o.fault("command", "must not be only white space");
  if (o.has("interval")) return;
  if (!o.has("channel"))
    r.all.add(o.where(), "needs \"interval\" or \"channel\"");
  else if (w.role == server_role::standby || w.role == server_role::both)
    o.fault("channel", "needs \"interval\" beside it: standbys have no notifications");
}

void read_command(reading &r, object &o, declared_worker &into) {
  worker &w = into.worker;
  command c;
  c.extension = w.extension;
  c.worker = w.name;
  o.text("command", {1, max_command}, c.sql, required);
  o.interval("interval", r.read_interval, between_runs, c.interval);
  o.text("channel", {1, r.numbers.max_extension_name, true}, c.channel);
  o.text("run_as", {1, r.numbers.max_extension_name, true}, c.run_as);
  o.boolean("atomic", c.atomic);
  check_command(r, o, w, c);
  constexpr const char *why = "not of a worker with a command";
  o.finish({{"library", why},
            {"function", why},
            {"connects", why},
            {"argument", why},
            {"extra_hex", why},
            {"notify", why},
            {"callback", why}});
  c.deadline = std::exchange(w.deadline, 0);
  w.library = r.numbers.sql_library;
  w.function = r.numbers.sql_function;
  w.flags = r.numbers.flag_shmem_access | r.numbers.flag_connects;
  w.hosted = true;
  bind(w, c);
  into.command = std::move(c);
}

}  // namespace

declared_allocation reading::read_allocation(const place &at, const json::value &v, part where) {
  declared_allocation result;
  allocation &a = result.allocation;
  result.place = at.pointer();
  a.extension = extension;
  a.declared = where == part::declared;
  object o(all, at, v);
  if (!o.is_object()) return result;
  if (o.text("name", {1, max_allocation_name, true}, a.name, required))
    all.must_differ(o.place_of("name"), "allocation", a.name);
  std::int64_t size = 0;
  const bool has_size = o.integer("size", 1, max_allocation_size, size, required);
  a.size = static_cast<std::uint64_t>(size);
  a.scope = read_scope(o);
  if (where == part::declared) read_content(o, has_size ? a.size : UINT64_MAX, result.content);
  constexpr const char *why = "only of memory that is declared";
  o.finish({{"initial", why}, {"initial_hex", why}});
  return result;
}

declared_worker reading::read_worker(const place &at, const json::value &v, part where) {
  declared_worker result;
  worker &w = result.worker;
  result.place = at.pointer();
  w.extension = extension;
  w.declared = where == part::declared;
  object o(all, at, v);
  if (!o.is_object()) return result;
  if (o.text("name", {1, numbers.max_worker_name, true}, w.name, required))
    all.must_differ(o.place_of("name"), group + "worker", w.name);
  w.type = w.name;
  o.text("type", {1, numbers.max_worker_name, true}, w.type);
  w.scope = read_scope(o);
  read_start(o, numbers, where, w);
  const bool is_sql = where == part::declared && says_sql(o);
  std::optional<restart_policy> policy;
  std::optional<std::int64_t> delay;
  read_restart(*this, o, policy, delay, true);
  w.restart = policy.value_or(is_sql ? restart_policy::always : restart_policy::never);
  w.restart_delay = delay.value_or(default_restart_delay);
  o.interval("deadline", read_interval, up_to_a_day, w.deadline);
  if (is_sql)
    read_command(*this, o, result);
  else
    read_function(*this, o, where, w);
  return result;
}

declared_settings reading::read_settings(const place &at, const json::value &v) {
  declared_settings result;
  worker_settings &s = result.settings;
  result.place = at.pointer();
  s.extension = extension;
  object o(all, at, v);
  if (!o.is_object()) return result;
  if (o.text("worker", {1, numbers.max_worker_name, true}, s.worker, required))
    all.must_differ(o.place_of("worker"), group + "settings", s.worker);
  bool enabled = true;
  if (o.boolean("enabled", enabled)) s.enabled = enabled;
  read_restart(*this, o, s.restart, s.restart_delay, false);
  if (!o.has("enabled") && !o.has("restart")) all.add(at, "needs \"enabled\" or \"restart\"");
  o.finish();
  return result;
}

}  // namespace dynpgext::model::fields
