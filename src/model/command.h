// Registrations in SQL in addition to allocations and workers: the commands of SQL workers, and the
// initial content of memory.  They are only in the tables: the processes that need them are
// connected to the database.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "model/registration.h"

namespace dynpgext::model {

// The role of a command, decided at registration.  Roles are stored as OIDs, which a renamed role
// keeps, and a new role with its name does not get.
struct command_identity {
  std::uint32_t role = 0;           // 0: none; the worker cannot run
  std::uint32_t registered_by = 0;  // must be able to become `role`, checked at each run
  bool superuser = false;           // a superuser has named a superuser
  bool without_login = false;       // a superuser has named a role without LOGIN
  bool by_hand = false;             // by a registering role, not by an extension's script
  std::string decided_in = {};      // mark of a database: a copy of it has another one
  // OIDs of earlier owners of that database that no longer matter: the deciding role knew of them,
  // or they are members of the role.
  std::string owners = {};
  // An owner of the database since, or of a database that it was copied from, who is not a member
  // of the role: it does not run until its role is decided again.  Empty: none.
  std::string foreign_owner = {};
  bool operator==(const command_identity &) const = default;
};

// For command::first_run: one interval after its start.
inline constexpr std::int64_t after_interval = -1;

// Of an SQL worker (model::worker::hosted).  One process serves all those of a database and a role
// that have none of their own.
struct command {
  std::string extension;
  std::string worker;
  std::string sql;
  std::int64_t interval = 0;  // milliseconds between two runs' starts; 0: only when notified
  std::string channel;        // a NOTIFY on it makes it run; empty: none
  std::string run_as;         // name of its role, in documents; empty: as decided
  std::int64_t deadline = 0;  // maximum milliseconds of one run; 0: no limit
  command_identity identity;
  bool atomic = true;          // in one transaction; otherwise each statement has its own
  std::string schemas = {};    // see pg::schemas_of(), at the registration: it may name them
  std::int64_t first_run = 0;  // milliseconds from its start; or after_interval
  bool operator==(const command &) const = default;
};
inline constexpr auto of_identity = [](auto at) {
  return [at](auto &c) -> auto & { return c.identity.*at; };
};
template <>
inline constexpr std::tuple members<command>{
    member(&command::extension, name_column | not_of_process),
    member(&command::worker, not_of_process),
    member(&command::sql, in_manifest),
    member(&command::interval, in_manifest),
    member(&command::channel, in_manifest),
    member(of_identity(&command_identity::role), oid_column),
    member(&command::deadline, in_manifest),
    member(of_identity(&command_identity::registered_by), oid_column),
    member(of_identity(&command_identity::superuser)),
    member(of_identity(&command_identity::without_login)),
    member(of_identity(&command_identity::by_hand)),
    member(&command::atomic, in_manifest),
    member(of_identity(&command_identity::decided_in)),
    member(&command::schemas),
    member(of_identity(&command_identity::owners)),
    member(of_identity(&command_identity::foreign_owner)),
    member(&command::first_run, not_of_process | in_manifest),
    member(&command::run_as, no_column | not_of_process | in_manifest)};
static_assert(lists_all<command, command_identity>());

inline constexpr std::int64_t min_command_interval = 10;                        // milliseconds
inline constexpr std::int64_t max_command_interval = 366LL * 24 * 3600 * 1000;  // milliseconds

// Makes the worker run this command: a digest of it is its `extra`, so that a worker with a changed
// command is another worker to the reconciler.  The role is its `argument`, because the process
// belongs to that role.
void bind(worker &w, const command &c);
// Does it run this command, unchanged?
[[nodiscard]] bool is_bound(const worker &w, const command &c);

// The next due time of a command that was due at `due` and has run, at the time `now`: at its fixed
// rate, but missed runs are not repeated.  Microseconds, unlike the interval.
[[nodiscard]] std::int64_t next_run(std::int64_t due, std::int64_t now, std::int64_t interval);

// The new due time of a command that was due at `due`, after a change of its interval: one interval
// after the beginning of its last run, or now if that has passed.  `began` 0: it has not run.
[[nodiscard]] std::int64_t due_by_new_interval(std::int64_t due, std::int64_t began,
                                               std::int64_t now, std::int64_t interval);

// Initial content of an allocation.
struct content {
  std::string extension;
  std::string allocation;
  std::string bytes;
  bool operator==(const content &) const = default;
};
template <>
inline constexpr std::tuple members<content>{member(&content::extension, name_column),
                                             member(&content::allocation),
                                             member(&content::bytes, in_manifest)};
static_assert(lists_all<content>());

}  // namespace dynpgext::model
