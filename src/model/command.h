// What SQL registers beside allocations and workers: the commands of SQL workers, and what memory
// begins with.  They stay in the tables: whoever needs them is connected to the database.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "model/registration.h"

namespace dynpgext::model {

// Whom a command runs as, decided when it is registered.  Roles are kept as OIDs, which a renamed
// role keeps, and a new one of its name does not get.
struct command_identity {
  std::uint32_t role = 0;           // 0: nobody; the worker cannot run
  std::uint32_t registered_by = 0;  // who may become it, which is looked at again at each run
  bool superuser = false;           // a superuser has named it, a superuser
  bool without_login = false;       // a superuser has named it, which cannot log in
  bool by_hand = false;             // by a role that may register, not by an extension's script
  std::string decided_in = {};      // mark of a database: a copy of it has another one
  // OIDs of those who have owned that database and do not matter any more: whoever decided knew of
  // them, or they are members of the role.
  std::string owners = {};
  // One who has owned the database since, or a copy of it that this one is a copy of, and is no
  // member of the role: it does not run until it is decided anew.  Empty: none.
  std::string foreign_owner = {};
  bool operator==(const command_identity &) const = default;
};

// As command::first_run: one interval after its start.
inline constexpr std::int64_t after_interval = -1;

// Of an SQL worker.  One process serves all those of a database and a role (model::worker::hosted).
struct command {
  std::string extension;
  std::string worker;
  std::string sql;
  std::int64_t interval = 0;  // milliseconds between two runs' starts; 0: only when notified
  std::string channel;        // a NOTIFY on it makes it run; empty: none
  std::string run_as;         // name of its role, for documents; in one, empty: as it is decided
  std::int64_t deadline = 0;  // milliseconds that one run may take; 0: any
  command_identity identity;
  bool atomic = true;          // in one transaction; otherwise each statement has its own
  std::string schemas = {};    // see pg::schemas_of(), when it was registered: it may name them
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

// The worker runs this command: a digest of it is its `extra`, so that a worker whose command has
// changed is another worker to the reconciler, and the role is its `argument`, for the process that
// runs it is that role's.
void bind(worker &w, const command &c);
// Does it, as it was bound?
[[nodiscard]] bool is_bound(const worker &w, const command &c);

// When a command that was due at `due` and has run is due next, given that it is `now`: at its
// fixed rate, but a run that was late is not made up for.  Microseconds, as the interval is not.
[[nodiscard]] std::int64_t next_run(std::int64_t due, std::int64_t now, std::int64_t interval);

// What an allocation begins with, the first time that it is made.
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
