// The libraries that are hosted, in shared memory.  One block, made when the first one is.
//
// An instance is a library hosted for the whole server, or for one database.  Its place in the
// block determines the address of its memory, so a place is not reused before the last process that
// has the memory mapped is gone.
//
//   none -> asked       its keeper must make the memory
//   asked -> hosted     the memory is made
//   asked -> failed     it could not be made: `error`
//   any -> leaving      no longer wanted; -> none when no process has it mapped
//
// While a keeper is missing for lack of a slot, or has one but has not started yet, slots are kept
// for keepers, and no worker starts: see keep_keepers().
//
// Everything is guarded by root.lock, unless a comment says otherwise.
#pragma once

#include "shared/root.h"

namespace dynpgext::hosting {

inline constexpr size_t most_instances = 64;

enum class instance_state : uint32 { none, asked, hosted, failed, leaving };

// The keeper's background worker slot.
enum class slot_state : uint32 { none, wanted, given };

using library_name = pg::fixed_string<NAMEDATALEN>;

struct instance {
  instance_state state;
  bool sessions;  // sessions load it when they start
  uint64 number;  // distinguishes an instance from any later one
  Oid database;   // InvalidOid: for the whole server
  Oid source;     // the database with its row
  library_name library;
  int32 position;       // loaded in this order, ascending
  pid_t owner;          // process of the transaction that hosts it, uncommitted; 0: committed
  pid_t keeper;         // 0: none has started, or it has ended
  bool keeper_was_up;   // the last requested keeper has loaded the library
  bool was_known;       // its source was known to have dynpgext, since the commit
  bool makes_way;       // its replacement is being hosted: no keeper is wanted meanwhile
  pg::moment asked_at;  // when a keeper was requested
  uint32 attached;      // processes that have it mapped
  pg_atomic_uint32 dynamic_workers;  // started by it and running; without the lock
  uint64 address;                    // of its memory, in every process
  // written by the keeper before it is `hosted`, and not changed afterwards
  dsm_handle memory;
  uint64 size;       // bytes in total
  uint64 requested;  // bytes requested by the library
  uint32 static_workers;
  int32 sqlstate;  // of the failure
  pg::file_identity file;
  TimestampTz hosted_at;
  pg_atomic_uint64 used;  // bytes; without the lock
  pg::fixed_string<512> error;
  state::shared_text settings;  // values for this instance, a JSON object; empty: none
  slot_state keeper_slot;       // until the keeper has started; not wanted if it must not run
  uint64 reserved[7];

  [[nodiscard]] bool is_for(Oid of_database) const {
    return !OidIsValid(database) || database == of_database;
  }
};

struct block {
  uint64 next_number;
  bool databases_known;  // the launcher has read the list of databases
  bool slots_are_kept;   // for keepers: no worker starts
  uint32 slots_lacking;  // keepers have found none: so many SQL runners give theirs away
  uint64 reserved[4];
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
[[nodiscard]] block *known_block(const state::shared &s);
[[nodiscard]] instance *find_instance(block &b, uint64 number);
// Available to processes of this database, now or soon; neither leaving nor part of an uncommitted
// transaction.
[[nodiscard]] instance *find_instance(block &b, std::string_view library, Oid database);

// In loading order.
[[nodiscard]] std::vector<const instance *> in_order(const block &b);

// This process has it mapped from now on, until it ends; false if the instance is gone.  With its
// leader: also a leaving one.
[[nodiscard]] bool attach(state::shared &s, uint64 number, bool with_leader = false);
// The instances of a process, as bits.
[[nodiscard]] uint64 attached_by(const block &b, const PGPROC &process);

// No process gets it any more; it is removed with the last process that has it.  Takes the lock
// itself.
void leave(state::shared &s, uint64 number);
// An instance has been removed: visits other databases again, which may host the same library.
void follow_again(state::shared &s);

}  // namespace dynpgext::hosting
