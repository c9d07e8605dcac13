// Which states are problems, how long each may last, and its remedy.  Pure: states and durations
// are passed in; the caller adds names and times.
//
// A problem consists of a word for monitoring, a colon, and a description.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/state.h"

namespace dynpgext::model {

enum class severity : std::uint8_t { critical, warning };  // the worst first
[[nodiscard]] std::string_view name_of(severity s);

// What began at the time that is shown with the problem.
enum class origin : std::uint8_t {
  state,
  signal,  // the signal to end
  run,     // the run in progress
  failure  // the last run, which failed
};

struct complaint {
  severity level = severity::warning;
  std::string problem;
  std::string remedy;
  origin since = origin::state;
  bool operator==(const complaint &) const = default;
};

// Durations in microseconds: shorter ones are normal.
inline constexpr std::int64_t second = 1000000;
inline constexpr std::int64_t longest_wait = 10 * second;   // for a slot or a place
inline constexpr std::int64_t longest_code = 10 * second;   // of an extension, to provision it
inline constexpr std::int64_t longest_drain = 30 * second;  // of memory that is dropped
inline constexpr std::uint32_t most_short_runs = 4;         // in a row
inline constexpr std::uint32_t most_failed_visits = 3;      // in a row

struct worker_condition {
  worker_state state = worker_state::registered;
  std::int64_t lasts = 0;           // in this state; waiting for a place: since the wait began
  std::string_view waits_for = {};  // a setting that limits workers; empty: something else
  bool takes_turns = false;         // an SQL worker, which waits for others like it
  std::uint32_t short_runs = 0;     // in a row
  bool overdue = false;             // signalled to end, and has not within stop_timeout
  bool failing = false;             // the last run of its command has failed
  bool stale = false;               // the file of its library has been replaced
  std::int64_t runs_for = 0;        // its command; 0: none is running
  std::uint64_t delays = 0;         // others that its run keeps waiting
  std::int64_t deadline = 0;        // of its heartbeats, in milliseconds
  std::string_view extension = {};
  std::string_view name = {};
  std::string_view error = {};  // that ended it, or the quarantine; empty: only exit_code
  int exit_code = 0;
};
// nullopt: no problem.
[[nodiscard]] std::optional<complaint> complaint_of(const worker_condition &w);

// `what`: an extension, or a hosted library.
struct extension_condition {
  extension_state state = extension_state::pending;
  std::string_view name = {};
  std::string_view error = {};
  bool is_library = false;
  bool is_refused = false;
  bool stale = false;
};
[[nodiscard]] std::optional<complaint> complaint_of(const extension_condition &e);

// A process has been running an extension's code to provision it for this time; `patience` is the
// time limit, in milliseconds (0: none).
[[nodiscard]] std::optional<complaint> complaint_of_code(std::int64_t lasts, std::int32_t pid,
                                                         std::int64_t patience);
// A database with this number of failed visits in a row.
[[nodiscard]] std::optional<complaint> complaint_of_visits(std::uint32_t failed);
// Databases have been waiting for a slot for this time.
[[nodiscard]] std::optional<complaint> complaint_of_hunger(std::int64_t lasts);
// A database that waits for the end of a restore, without any of its sessions left.
[[nodiscard]] complaint complaint_of_restore();
// Dropped memory that this number of processes still have attached.
[[nodiscard]] std::optional<complaint> complaint_of_draining(std::int64_t lasts,
                                                             std::uint32_t attached);
// Bytes taken of the limit in this setting.
[[nodiscard]] std::optional<complaint> complaint_of_memory(std::uint64_t used, std::uint64_t limit,
                                                           std::string_view setting);
// There is no launcher, and none is starting.
[[nodiscard]] complaint complaint_of_launcher(bool preloaded);
[[nodiscard]] complaint complaint_of_guard();
[[nodiscard]] complaint complaint_of_safe_mode();

}  // namespace dynpgext::model
