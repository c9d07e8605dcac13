// Instances of hosted libraries: claimed, kept, waited for.
#pragma once

#include "catalog/hosted.h"
#include "hosting/block.h"

namespace dynpgext::hosting {

// A new one, in state `asked`, without a keeper yet. `owner` is the process of the hosting
// transaction; 0: it is committed.  42710 if the library is hosted for the same database or for the
// whole server; 54000 if there is no place. `replaced` does not count; 0: none.
[[nodiscard]] uint64 claim(state::shared &s, const catalog::hosted_row &row, pid_t owner,
                           uint64 replaced = 0);
// Another database, or this one, hosts it for the same sessions.
[[nodiscard]] bool is_served(state::shared &s, const catalog::hosted_row &row);
// The position after all others.
[[nodiscard]] int32 next_position(state::shared &s);

// The process that acts as its postmaster, see keeper.cpp.
inline constexpr const char *keeper_function = "dynpgext_keeper_main";

// Requests the keeper's process; none for a quarantined library.  False if no slot is free.
// `handle` is allocated for the life of this process; nullptr: none.
bool ask_for_keeper(state::shared &s, uint64 number, BackgroundWorkerHandle **handle = nullptr);
// In the launcher.  Requests missing keepers: one that has ended, or found no slot.  As long as one
// needs a slot, or rows that may host a library are unread, free slots are kept for keepers.
// Returns whether anything is hosted, or may be.
bool keep_keepers(state::shared &s);
// Are they kept?  The caller holds the lock.
[[nodiscard]] bool are_slots_kept(const state::shared &s);
// In an SQL runner: does a keeper that has found none get the slot of this process?  True in one
// process for each such keeper, which then ends.  Takes the lock only if some keeper lacks a slot.
[[nodiscard]] bool gives_slot_to_keeper();

// Ends the keeper, so that the library writes its files, and waits some seconds for it.  Until the
// replacement exists, there is no keeper.
void end_keeper(state::shared &s, uint64 number);

// Hosted by the database, without uncommitted changes.
[[nodiscard]] std::vector<uint64> committed_instances(state::shared &s, Oid source);

// Empty: it is gone.
struct instance_status {
  instance_state state;
  std::string error;
  int32 sqlstate;  // of the error
  std::string library;
  Oid database;
};
[[nodiscard]] std::optional<instance_status> status_of(state::shared &s, uint64 number);
// Waits until its keeper has hosted it, or has failed; up to `milliseconds` (negative: no limit).
std::optional<instance_status> await(state::shared &s, uint64 number, long milliseconds);

}  // namespace dynpgext::hosting
