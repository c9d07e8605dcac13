// The root block: what every process finds first, and from which it finds the rest.
//
// It lives in the main shared memory segment, made after startup where dynpgext is not
// preloaded; PostgreSQL wipes it in a crash-restart, and everything starts from the
// registrations again.  Everything else is in one dynamic shared memory area.
#pragma once

#include "pg/lock.h"
#include "pg/shared.h"
#include "shared/entries.h"

namespace dynpgext::state {

// What a library must know to use the memory, see docs/layout.md.  Libraries of the same layout use
// the same memory, whatever else has been added meanwhile.
#ifdef DYNPGEXT_TEST_LAYOUT
inline constexpr uint32 layout_version = DYNPGEXT_TEST_LAYOUT;
#else
inline constexpr uint32 layout_version = 6;
#endif

// Bytes that an entry of each table takes in this memory.
struct entry_rooms {
  uint16 databases, extensions, allocations, workers, pauses, runners, processes, globals,
      local_names, owners, requests, versions;
};

// Grows at its end.
struct root {
  uint32 layout;  // never changes
#ifdef DYNPGEXT_TEST_LAYOUT
  uint64 moved;
#endif
  int tranche;                  // of all LWLocks of ours; never changes
  int64 boot;                   // random: tells one run of the shared memory from another
  LWLock lock;                  // guards everything here and in the tables
  ConditionVariable changed;    // broadcast when an allocation or a worker changes state
  pg_atomic_uint64 generation;  // counts changes of what names mean; read without the lock
  dsa_handle area;
  bool area_made;
  dshash_table_handle databases;
  pg::list_handles extensions;
  pg::list_handles allocations;
  pg::list_handles workers;
  dshash_table_handle pauses;
  dshash_table_handle runners;
  dshash_table_handle processes;
  dshash_table_handle globals;
  dshash_table_handle local_names;
  dshash_table_handle owners;
  dshash_table_handle requests;
  dsa_pointer draining;       // list of instances that are dropped but still looked up
  uint64 databases_changed;   // counts entries of databases that come and go
  uint64 publications;        // counts changes of what databases register
  uint64 memory_used;         // bytes taken for allocations and published registrations
  uint64 memory_freed;        // how often some that was in use has been given back
  uint64 next_ticket;         // identifies a start of a worker
  dsa_pointer hosting;        // hosting::block, once a library is hosted
  pid_t launcher;             // 0: none
  pid_t launcher_starter;     // who has asked for one that has not come up yet, or was the last one
  pg::moment launcher_asked;  // when it has, or had ended
  Latch *launcher_latch;
  pg::moment starved;   // since when visits of databases find no free slot; none: they do
  dsa_pointer events;   // see shared/events.h
  dsa_pointer runs;     // see shared/runs.h
  int64 longest_delay;  // dynpgext.restart_delay_max in milliseconds, as the launcher knows it
  int32 worker_limit;   // dynpgext.max_database_workers, as the launcher knows it
  int32 owner_limit;    // dynpgext.max_owner_workers, the same
  int32 places;         // that workers have, see workers/places.h
  bool was_standby;     // when the launcher last looked
  bool orphans;         // something has changed of workers whose database is not there any more
  bool runner_wanted;  // some SQL worker waits for a place: runners make room, see workers/runner.h
  bool retry_waiting;  // a place has become free, or a command is over
  bool look_soon;      // a database may have come or gone: the launcher is not to wait
  bool crashes_judged;   // those of the last run of the server
  bool pauses_recalled;  // those that transactions have kept that were prepared before
  bool is_unguarded;     // the file of the crash guard cannot be used, as a WARNING has said
  uint32 paused;         // how many entries pauses has
  uint32 requested;      // and requests
  uint32 quarantined;    // how many workers and extensions are
  uint32 failed;         // how many extensions are
  version_name made_by;  // version of the library that has made the memory
  entry_rooms rooms;
  dshash_table_handle versions;
  version_name launcher_version;     // of the library that the launcher runs, or the last one ran
  pg::library_build launcher_build;  // the same
  pg::library_build proven_build;    // of the last one that was tried, see launcher/replacement.h
#ifdef DYNPGEXT_TEST_GROWTH
  dshash_table_handle more;
  uint16 room_of_more;
#endif
};
static_assert(sizeof(root) <= 512, "servers have little room for structs made after startup");
inline constexpr size_t root_size = 512;  // fixed, so that versions can share it; zeroed at first

// This process's view of it.
struct shared {
  state::root *root = nullptr;
  dsa_area *area = nullptr;
  pg::table<database_key, database_entry> databases;
  pg::listed_table<extension_key, extension_entry> extensions;
  pg::listed_table<allocation_key, allocation_entry> allocations;
  pg::listed_table<worker_key, worker_entry> workers;
  pg::table<pause_key, pause_entry> pauses;
  pg::table<runner_key, runner_entry> runners;
  pg::table<process_key, process_entry> processes;
  pg::table<global_key, global_entry> globals;
  pg::table<local_key, local_name> local_names;
  pg::table<owner_key, owner_entry> owners;
  pg::table<request_key, request_entry> requests;
  pg::table<version_key, version_entry> versions;
#ifdef DYNPGEXT_TEST_GROWTH
  pg::table<version_key, version_entry> more;
#endif

  [[nodiscard]] instance *at(dsa_pointer pointer) const {
    return pg::address<instance>(area, pointer);
  }
};

// Can this process have shared memory at all?  Not the postmaster, and nothing during a
// binary upgrade.
[[nodiscard]] bool available();

// Attaches on the first call in a process, making what is not there yet.  ERROR 55000 where
// it is not available, 53200 where there is no memory.
[[nodiscard]] shared &attach();
// The same without attaching: nullptr before the first attach().
[[nodiscard]] shared *attached();

// What the first process that attaches does once everything is there, and others as well until it
// has.
void set_first_use(void (*begin)(shared &));

// The database whose names this process sees: the connected one, or in a database-local
// worker that has not connected yet, its own.
[[nodiscard]] Oid current_database();
void set_worker_database(Oid database);

// Wakes the launcher, if there is one.
void wake_launcher();
// The same under root.lock.
void wake_launcher_locked(const shared &s);

class exclusive : public pg::lwlock_guard {
 public:
  explicit exclusive(const shared &s, const pg::place &where = pg::place::current())
      : lwlock_guard(&s.root->lock, LW_EXCLUSIVE, where) {}
};
class reading : public pg::lwlock_guard {
 public:
  explicit reading(const shared &s, const pg::place &where = pg::place::current())
      : lwlock_guard(&s.root->lock, LW_SHARED, where) {}
};

}  // namespace dynpgext::state
