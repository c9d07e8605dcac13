// What took the server down, how often, and what may not run any more because of it.
//
// A process that runs an extension's worker, or other code of an extension, arms a record, and
// disarms it when it ends normally.  A process that is killed because another has crashed marks its
// record.  So the records that a crash leaves armed belong to processes with an abnormal end: the
// suspects.  Times are microseconds; the caller provides the clocks: one that nobody sets for
// measuring, and the wall clock for display.
//
// Crashes of SQL workers are counted for the role and the database, not for the worker: a
// registering role could register the same command under another name, or drop its extension and
// create it again.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/registration.h"

namespace dynpgext::model {

// A worker, or (worker is empty) the code of an extension in the sessions of a database, or (role
// is set, and the names are empty) all SQL workers of a role in a database.
struct guarded_identity {
  database_id home = no_database;  // 0: of a global worker; never for a role
  std::string extension = {};
  std::string worker = {};
  std::uint32_t role = 0;
  auto operator<=>(const guarded_identity &) const = default;
  [[nodiscard]] bool is_worker() const { return !worker.empty(); }
  [[nodiscard]] bool is_role() const { return role != 0; }
};

// The SQL worker whose command ran in a role's process.
struct guarded_command {
  std::string extension = {};
  std::string worker = {};
  bool operator==(const guarded_command &) const = default;
};

// A record left armed by the last run of the server.  The launcher's own blames nobody: it is
// evidence, because the launcher ends without a mark only when everything is killed at once.
struct armed_record {
  bool launcher = false;
  guarded_identity who;
  guarded_command command = {};  // of a role
};

struct suspect {
  guarded_identity who;
  std::vector<std::int64_t> crashes;    // newest last; may be before the start of the clock
  std::int64_t quarantined_since = 0;   // wall clock; 0: it is not
  std::uint32_t quarantined_after = 0;  // number of crashes before the quarantine
  guarded_command command = {};         // of a role: the last one that crashed
  bool operator==(const suspect &) const = default;
  [[nodiscard]] bool is_quarantined() const { return quarantined_since != 0; }
};

inline constexpr std::size_t crashes_kept = 16;  // of a suspect: the maximum limit
inline constexpr std::size_t suspects_kept = 256;

// The same time by both clocks.
struct instant {
  std::int64_t measured = 0;
  std::int64_t shown = 0;
};

struct blamed {
  guarded_identity who;
  std::uint32_t crashes = 0;  // within the window, including this one
  bool newly_quarantined = false;
  guarded_command command = {};  // of a role
  bool operator==(const blamed &) const = default;
};

struct verdict {
  std::vector<suspect> suspects;  // from now on
  std::vector<model::blamed> blamed;
  bool all_killed = false;  // everything at once, by the system or its administrator
};

// Judges the records that were left armed.  A suspect blamed `limit` times within `window` is
// quarantined until its release.  A limit of 0 blames nobody.
[[nodiscard]] verdict judge(std::span<const armed_record> records, std::vector<suspect> suspects,
                            const instant &now, std::uint32_t limit, std::int64_t window);

// The measuring clock has started anew, and is at `now`: converts the times of crashes to the new
// clock. `then` is the time of their last judgement.  Its age is that by the wall clock, but at
// least the new clock's running time.
void carry_over(std::vector<suspect> &suspects, const instant &then, const instant &now);

// Exactly this identity: not a worker of an extension with quarantined code.
[[nodiscard]] bool is_quarantined(std::span<const suspect> suspects, const guarded_identity &who);
[[nodiscard]] std::vector<suspect> quarantined(std::span<const suspect> suspects);

// Removes the crashes of the extension there, of its code and its workers; returns whether there
// were any.
[[nodiscard]] bool release(std::vector<suspect> &suspects, database_id home,
                           const std::string &extension);
// Does a release of the extension there release this role? `roles` are those of the extension's
// commands; another one counts if its last crash was the extension's.
[[nodiscard]] bool is_role_of(const suspect &s, database_id home, const std::string &extension,
                              std::span<const std::uint32_t> roles);
// Removes the crashes of these roles; returns whether there were any.
[[nodiscard]] bool release_roles(std::vector<suspect> &suspects, database_id home,
                                 const std::string &extension,
                                 std::span<const std::uint32_t> roles);
// The same for all extensions in a database; never for global objects.
[[nodiscard]] bool forget_home(std::vector<suspect> &suspects, database_id home);

}  // namespace dynpgext::model
