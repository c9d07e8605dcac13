// The libraries that are hosted, in shared memory.  One block, made when the first one is.
//
// An instance is a library that is hosted: for the whole server, or for one database.  Its place in
// the block decides the address of its memory, so a place is not used again before the last process
// that has the memory mapped is gone.
//
//   none -> asked       its keeper is to make the memory
//   asked -> hosted     it has
//   asked -> failed     it could not: `error`
//   any -> leaving      it is not wanted any more; -> none when no process has it mapped
//
// Everything is guarded by root.lock, unless a comment says otherwise.
#pragma once

#include "shared/root.h"

namespace dynpgext::hosting {

inline constexpr size_t most_instances = 64;

enum class instance_state : uint32 { none, asked, hosted, failed, leaving };

using library_name = pg::fixed_string<NAMEDATALEN>;

struct instance {
  instance_state state;
  bool sessions;  // sessions load it when they start
  uint64 number;  // differs between one instance and any later one
  Oid database;   // InvalidOid: of the whole server
  Oid source;     // the database whose table has it
  library_name library;
  int32 position;       // those with lower ones are loaded first
  pid_t owner;          // whose transaction hosts it, and has not committed; 0: committed
  pid_t keeper;         // 0: none has come up, or it has ended
  bool keeper_was_up;   // the one that was asked for last has loaded the library
  bool was_known;       // its source has been seen to have dynpgext, since it was committed
  bool makes_way;       // the one that replaces it is being hosted: no keeper is wanted meanwhile
  pg::moment asked_at;  // for a keeper
  uint32 attached;      // processes that have it mapped
  pg_atomic_uint32 dynamic_workers;  // that it has started, and that run; without the lock
  uint64 address;                    // of its memory, in every process
  // written by the keeper before it is `hosted`, and not changed afterwards
  dsm_handle memory;
  uint64 size;       // bytes, of all of it
  uint64 requested;  // of these, by the library
  uint32 static_workers;
  int32 sqlstate;  // of one that has failed
  pg::file_identity file;
  TimestampTz hosted_at;
  pg_atomic_uint64 used;  // bytes; without the lock
  pg::fixed_string<512> error;
  state::shared_text settings;  // of its own, a JSON object; empty: none
  uint64 reserved[8];

  [[nodiscard]] bool is_for(Oid of_database) const {
    return !OidIsValid(database) || database == of_database;
  }
};

struct block {
  uint64 next_number;
  bool databases_known;  // the launcher has looked which ones there are
  uint64 reserved[4];
  Oid followed[most_instances];  // databases whose rows have been, in this run of the server
  instance instances[most_instances];
  uint64
      attached[FLEXIBLE_ARRAY_MEMBER];  // a bit for each instance, for each process of the server
};
static_assert(most_instances <= 64, "a process has one bit for each");

// nullptr: nothing has been hosted in this run of the server.  Takes the lock itself.
[[nodiscard]] block *find_block(state::shared &s);
// The same, but makes it.
[[nodiscard]] block &require_block(state::shared &s);

// Callers hold the lock.
[[nodiscard]] instance *find_instance(block &b, uint64 number);
// That a process of this database gets, or is about to; neither one that is leaving, nor one of a
// transaction that has not committed.
[[nodiscard]] instance *find_instance(block &b, std::string_view library, Oid database);

// In the order in which a process loads them.
[[nodiscard]] std::vector<const instance *> in_order(const block &b);

// This process has it mapped from now on, until it ends; false where the instance is gone.
// With its leader: also one that is leaving.
[[nodiscard]] bool attach(state::shared &s, uint64 number, bool with_leader = false);
// Those that a process has, as bits.
[[nodiscard]] uint64 attached_by(const block &b, const PGPROC &process);

// No process gets it any more; it goes with the last one that has it.  Takes the lock itself.
void leave(state::shared &s, uint64 number);
// An instance has gone for good: other databases may have the same library hosted, and are visited
// again.
void follow_again(state::shared &s);

}  // namespace dynpgext::hosting
