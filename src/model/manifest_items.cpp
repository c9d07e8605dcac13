#include "model/manifest_items.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace dynpgext::model::fields {
namespace {

constexpr interval_range up_to_a_day{0, max_restart_delay, "must be from 0 to 24 hours"};

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
  if (!servers_key(o, w.role) || w.role == server_role::primary) return;
  if (start == 1 && (is_good || !o.has("start")))
    o.fault("servers", "needs \"start\": \"consistent\"");
}

// A restart object; missing members leave their values unchanged.
void read_restart(reading &r, object &outer, std::optional<restart_policy> &policy,
                  std::optional<std::int64_t> &delay, bool may_be_empty) {
  const json::value *const v = outer.get("restart");
  if (v == nullptr) return;
  const place at = outer.place_of("restart");
  object o(r.all, at, *v);
  if (!o.is_object()) return;
  using enum restart_policy;
  if (restart_policy chosen{}; o.choice("policy", {never, on_failure, always}, chosen))
    policy = chosen;
  std::int64_t milliseconds = 0;
  if (o.interval("delay", r.read_interval, up_to_a_day, milliseconds)) delay = milliseconds;
  if (!may_be_empty && !o.has("policy") && !o.has("delay"))
    r.all.add(at, "needs \"policy\" or \"delay\"");
  o.finish();
}

// A worker with keys of neither kind counts as one with a function.
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
    code_keys(o, r.numbers, w);
  }
  function_keys(o, r.numbers, where, w);
  if (o.has("argument") && w.scope != scope::global)
    o.fault("argument", "needs \"scope\": \"global\"");
  const auto ask = [&](object &other) {
    worker none;
    command nothing;
    command_keys(other, r.numbers, r.read_interval, none, nothing);
  };
  std::vector<object::stranger> strangers =
      object::asked_for(ask, "not of a worker with a function");
  strangers.push_back({"callback", "only of what the library registers"});
  o.finish(strangers);
}

void check_command(reading &r, object &o, const worker &w, const command &c) {
  if (!c.sql.empty() && c.sql.find_first_not_of(" \t\n\r\f\v") == c.sql.npos)
    o.fault("command", "must not be only white space");
  if (o.has("first_run") && o.has("channel"))
    o.fault("first_run", "not beside \"channel\": notifications before the start are not heard");
  if (o.has("interval")) return;
  if (o.has("first_run")) o.fault("first_run", "needs \"interval\"");
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
  command_keys(o, r.numbers, r.read_interval, w, c);
  check_command(r, o, w, c);
  const auto ask = [&](object &other) {
    worker none;
    code_keys(other, r.numbers, none);
    function_keys(other, r.numbers, part::library, none);
  };
  o.finish(object::asked_for(ask, "not of a worker with a command"));
  c.deadline = std::exchange(w.deadline, 0);
  w.library = r.numbers.sql_library;
  w.function = r.numbers.sql_function;
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
  a.scope = scope::database;
  scope_key(o, a.scope);
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
  w.flags = numbers.flag_shmem_access | numbers.flag_connects;
  object o(all, at, v);
  if (!o.is_object()) return result;
  if (o.text("name", {1, numbers.max_worker_name, true}, w.name, required))
    all.must_differ(o.place_of("name"), group + "worker", w.name);
  w.type = w.name;
  o.text("type", {1, numbers.max_worker_name, true}, w.type);
  w.scope = scope::database;
  scope_key(o, w.scope);
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
  std::int64_t interval = 0;
  if (o.interval("interval", read_interval, between_runs, interval)) s.run_interval = interval;
  if (!o.has("enabled") && !o.has("restart") && !o.has("interval"))
    all.add(at, "needs \"enabled\", \"restart\" or \"interval\"");
  o.finish();
  return result;
}

}  // namespace dynpgext::model::fields
