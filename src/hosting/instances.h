// Instances of hosted libraries: claimed, kept, waited for.
#pragma once

#include "catalog/hosted.h"
#include "hosting/block.h"

namespace dynpgext::hosting {

// A new one, in state `asked`, without a keeper yet.  `owner` is the process whose transaction
// hosts it; 0: what is committed says so.  42710 where the library is hosted for the same database,
// or was for the whole server; 54000 where there is no place. `replaced` does not count; 0: none.
[[nodiscard]] uint64 claim(state::shared &s, const catalog::hosted_row &row, pid_t owner,
                           uint64 replaced = 0);
// Another database, or this one, has it hosted for the same sessions.
[[nodiscard]] bool is_served(state::shared &s, const catalog::hosted_row &row);
// Position of one that comes after all others.
[[nodiscard]] int32 next_position(state::shared &s);

// The process that is its postmaster, see keeper.cpp.
inline constexpr const char *keeper_function = "dynpgext_keeper_main";

// Asks for its keeper's process; one that is quarantined gets none.  False where no slot is free.
// With `handle`, it is allocated to live as long as this process; nullptr: there is none.
bool ask_for_keeper(state::shared &s, uint64 number, BackgroundWorkerHandle **handle = nullptr);
// Where one is missing: it has ended, or no slot was free.  Returns whether anything is hosted at
// all.
bool keep_keepers(state::shared &s);

// Ends its keeper, so that the library's files are written, and waits for that for some seconds.
// Until the replacement is there it has none.
void end_keeper(state::shared &s, uint64 number);

// Those that the database has hosted, and that no transaction is at.
[[nodiscard]] std::vector<uint64> committed_instances(state::shared &s, Oid source);

// Nothing: it is gone.
struct instance_status {
  instance_state state;
  std::string error;
  int32 sqlstate;  // of the error
  std::string library;
  Oid database;
};
[[nodiscard]] std::optional<instance_status> status_of(state::shared &s, uint64 number);
// Until its keeper has hosted it, or has failed; `milliseconds` at most (negative: any time).
std::optional<instance_status> await(state::shared &s, uint64 number, long milliseconds);

}  // namespace dynpgext::hosting
