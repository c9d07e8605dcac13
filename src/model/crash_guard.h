// Who took the server down, how often, and who may not run any more because of it.
//
// A process that runs an extension's worker, or other code of an extension, arms a record, and
// takes it back when it ends well; one that is killed because another has crashed says so in its
// record.  So the records that a crash leaves armed are those of the processes that ended in no
// way the server knows: the suspects.  Times are microseconds; the clocks are the caller's: one
// that nobody sets to measure by, and the one that people read.
//
// Crashes of SQL workers are counted for the role and the database, not for the worker: whoever may
// register could register the same command under another name, or drop its extension and create it
// again.
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
  database_id home = no_database;  // 0: of a global worker; of a role never
  std::string extension = {};
  std::string worker = {};
  std::uint32_t role = 0;
  auto operator<=>(const guarded_identity &) const = default;
  [[nodiscard]] bool is_worker() const { return !worker.empty(); }
  [[nodiscard]] bool is_role() const { return role != 0; }
};

// The SQL worker whose command a role's process ran.
struct guarded_command {
  std::string extension = {};
  std::string worker = {};
  bool operator==(const guarded_command &) const = default;
};

// A record that the last run of the server has left armed.  The launcher's own accuses nobody: it
// is evidence, for the launcher dies without a word only when something kills everything at once.
struct armed_record {
  bool launcher = false;
  guarded_identity who;
  guarded_command command = {};  // of a role
};

struct suspect {
  guarded_identity who;
  std::vector<std::int64_t> crashes;    // the newest last; may lie before the start of the clock
  std::int64_t quarantined_since = 0;   // as people read it; 0: it is not
  std::uint32_t quarantined_after = 0;  // crashes that it was quarantined for
  guarded_command command = {};         // of a role: the last one that crashed
  bool operator==(const suspect &) const = default;
  [[nodiscard]] bool is_quarantined() const { return quarantined_since != 0; }
};

inline constexpr std::size_t crashes_kept = 16;  // of a suspect: no limit is higher
inline constexpr std::size_t suspects_kept = 256;

// The same time by both clocks.
struct instant {
  std::int64_t measured = 0;
  std::int64_t shown = 0;
};

struct blamed {
  guarded_identity who;
  std::uint32_t crashes = 0;  // within the window, with this one
  bool newly_quarantined = false;
  guarded_command command = {};  // of a role
  bool operator==(const blamed &) const = default;
};

struct verdict {
  std::vector<suspect> suspects;  // from now on
  std::vector<model::blamed> blamed;
  bool all_killed = false;  // everything at once, by the system or its administrator
};

// What follows from the records that were left armed.  Whoever is blamed `limit` times within
// `window` is quarantined, until it is released.  A limit of 0 blames nobody.
[[nodiscard]] verdict judge(std::span<const armed_record> records, std::vector<suspect> suspects,
                            const instant &now, std::uint32_t limit, std::int64_t window);

// The clock that is measured by has begun anew: moves the crashes to where they are on the new one,
// which stands at `now`.  `then` is when the crashes were last judged.  That is as long ago as
// people's clock says, but no less than the new clock has run for.
void carry_over(std::vector<suspect> &suspects, const instant &then, const instant &now);

// Of exactly this identity: a worker of an extension whose code is quarantined is not meant.
[[nodiscard]] bool is_quarantined(std::span<const suspect> suspects, const guarded_identity &who);
[[nodiscard]] std::vector<suspect> quarantined(std::span<const suspect> suspects);

// Forgets what the extension, its code and its workers, has done there; whether there was anything.
[[nodiscard]] bool release(std::vector<suspect> &suspects, database_id home,
                           const std::string &extension);
// Is it a role that a release of the extension there releases?  `roles` are those that the
// extension's commands run as; another one counts when its last crash was the extension's.
[[nodiscard]] bool is_role_of(const suspect &s, database_id home, const std::string &extension,
                              std::span<const std::uint32_t> roles);
// Forgets what these roles have done; whether there was anything.
[[nodiscard]] bool release_roles(std::vector<suspect> &suspects, database_id home,
                                 const std::string &extension,
                                 std::span<const std::uint32_t> roles);
// The same of all extensions in a database; never of what is global.
[[nodiscard]] bool forget_home(std::vector<suspect> &suspects, database_id home);

}  // namespace dynpgext::model
