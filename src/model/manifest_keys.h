// Keys of workers and allocations that map to one member each, named once for both directions.
// `Form` is their source (object) or target (the writer's).  Keys with their own rules (name, type,
// start, restart, deadline) are in manifest_items.cpp and manifest_writer.cpp.
#pragma once

#include <algorithm>
#include <array>

#include "model/manifest.h"
#include "model/manifest_fields.h"

namespace dynpgext::model::fields {

// Place of an allocation or worker: in an extension's own lists, or in its library's.
enum class part { declared, library };

inline constexpr interval_range between_runs{min_command_interval, max_command_interval,
                                             "must be from 10 ms to 366 days"};

inline constexpr interval_range until_first_run{
    0, max_command_interval, "must be \"at_once\", \"after_interval\", or from 0 to 366 days"};
inline constexpr std::array<interval_word, 2> first_run_words{
    {{"at_once", 0}, {"after_interval", after_interval}}};

template <class Form>
void scope_key(Form &o, scope &s) {
  o.choice("scope", {scope::global, scope::database}, s, scope::database);
}

template <class Form>
auto servers_key(Form &o, server_role &role) {
  using enum server_role;
  return o.choice("servers", {primary, standby, both}, role, by_start_time);
}

template <class Form>
void code_keys(Form &o, const server_numbers &numbers, worker &w) {
  o.text("library", {1, max_library_name}, w.library, required);
  o.text("function", {1, numbers.max_worker_name, true}, w.function, required);
}

template <class Form>
void function_keys(Form &o, const server_numbers &numbers, part where, worker &w) {
  bool connects = (w.flags & numbers.flag_connects) != 0;
  o.boolean("connects", connects, true);
  w.flags = numbers.flag_shmem_access | (connects ? numbers.flag_connects : 0);
  auto argument = static_cast<std::int64_t>(w.argument);
  o.integer("argument", INT64_MIN, INT64_MAX, argument);
  w.argument = static_cast<std::uint64_t>(argument);
  std::string extra(w.extra.data(), w.extra.size());
  extra.resize(extra.find_last_not_of('\0') + 1);
  o.hex("extra_hex", worker_extra_size, extra);
  std::copy(extra.begin(), extra.end(), w.extra.begin());
  o.boolean("notify", w.notify);
  if (where == part::library) o.boolean("callback", w.has_callback);
}

template <class Form>
void command_keys(Form &o, const server_numbers &numbers, const interval_reader &read, worker &w,
                  command &c) {
  o.text("command", {1, max_command}, c.sql, required);
  o.interval("interval", read, between_runs, c.interval);
  o.interval("first_run", read, until_first_run, c.first_run, first_run_words);
  o.text("channel", {1, numbers.max_extension_name, true}, c.channel);
  o.text("run_as", {1, numbers.max_extension_name, true}, c.run_as);
  o.boolean("atomic", c.atomic, true);
  o.choice("process", {worker_process::shared, worker_process::own}, w.process,
           worker_process::shared);
}

}  // namespace dynpgext::model::fields
