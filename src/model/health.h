// Which states of what there is are no good ones, for how long they may last, and what to do about
// each.  Pure: how things are, and for how long, is passed in; names and times are added by whoever
// has them.
//
// A problem is told by a word that monitoring can go by, a colon, and what is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/state.h"

namespace dynpgext::model {

enum class severity : std::uint8_t { critical, warning };  // the worst first
[[nodiscard]] std::string_view name_of(severity s);

struct complaint {
  severity level = severity::warning;
  std::string problem;
  std::string remedy;
  bool operator==(const complaint &) const = default;
};

// How long in microseconds: what lasts no longer may be a matter of course.
inline constexpr std::int64_t second = 1000000;
inline constexpr std::int64_t longest_wait = 10 * second;   // for a slot or a place
inline constexpr std::int64_t longest_code = 10 * second;   // of an extension, to provision it
inline constexpr std::int64_t longest_drain = 30 * second;  // of memory that is dropped
inline constexpr std::uint32_t most_short_runs = 4;         // in a row
inline constexpr std::uint32_t most_failed_visits = 3;      // in a row

struct worker_condition {
  worker_state state = worker_state::registered;
  std::int64_t lasts = 0;           // in this state; of one that waits for a place, since it does
  std::string_view waits_for = {};  // a setting that limits how many run; empty: for something else
  bool takes_turns = false;         // an SQL worker, which waits for others like it
  std::uint32_t short_runs = 0;     // in a row
  bool overdue = false;             // told to end, and has not for stop_timeout
  bool failing = false;             // the last run of its command has failed
  bool stale = false;               // the file of its library has been replaced
  std::int64_t deadline = 0;        // of its heartbeats, in milliseconds
  std::string_view extension = {};
  std::string_view name = {};
  std::string_view error = {};  // that ended it, or why it is quarantined; empty: exit_code alone
  int exit_code = 0;
};
// Nothing where all is well.
[[nodiscard]] std::optional<complaint> complaint_of(const worker_condition &w);

// `what` is it: an extension, or a library that is hosted.
struct extension_condition {
  extension_state state = extension_state::pending;
  std::string_view name = {};
  std::string_view error = {};
  bool is_library = false;
  bool is_refused = false;
  bool stale = false;
};
[[nodiscard]] std::optional<complaint> complaint_of(const extension_condition &e);

// Code of an extension that provisions it, run by a process for so long; `patience` is how long it
// may take anyway, in milliseconds (0: for any time).
[[nodiscard]] std::optional<complaint> complaint_of_code(std::int64_t lasts, std::int32_t pid,
                                                         std::int64_t patience);
// A database whose visits have failed so often in a row.
[[nodiscard]] std::optional<complaint> complaint_of_visits(std::uint32_t failed);
// Databases wait for a slot to be provisioned with, for so long.
[[nodiscard]] std::optional<complaint> complaint_of_hunger(std::int64_t lasts);
// A database that waits for the end of a restore, of whose sessions none is there any more.
[[nodiscard]] complaint complaint_of_restore();
// Memory that is dropped, and still looked up by so many processes.
[[nodiscard]] std::optional<complaint> complaint_of_draining(std::int64_t lasts,
                                                             std::uint32_t attached);
// Bytes taken of a limit that this setting sets.
[[nodiscard]] std::optional<complaint> complaint_of_memory(std::uint64_t used, std::uint64_t limit,
                                                           std::string_view setting);
// There is no launcher, and none on its way.
[[nodiscard]] complaint complaint_of_launcher(bool preloaded);
[[nodiscard]] complaint complaint_of_guard();
[[nodiscard]] complaint complaint_of_safe_mode();

}  // namespace dynpgext::model
