// The root block: the first thing that every process finds; it refers to everything else.
//
// It is in the main shared memory segment, made after startup if dynpgext is not preloaded.
// PostgreSQL clears it in a crash-restart, and everything starts from the registrations again.
// Everything else is in one dynamic shared memory area.
#pragma once

#include "pg/lock.h"
#include "pg/shared.h"
#include "shared/entries.h"

namespace dynpgext::state {

// The layout that a library must know to use the memory, see docs/layout.md.  Libraries of the same
// layout use the same memory, whatever has been added meanwhile.
#ifdef DYNPGEXT_TEST_LAYOUT
inline constexpr uint32 layout_version = DYNPGEXT_TEST_LAYOUT;
#else
inline constexpr uint32 layout_version = 6;
#endif

// Bytes of an entry of each table in this memory.
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
  int64 boot;                   // random: identifies one run of the shared memory
  LWLock lock;                  // guards everything here and in the tables
  ConditionVariable changed;    // broadcast when an allocation or a worker changes state
  pg_atomic_uint64 generation;  // counts changes of the meaning of names; read without the lock
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
  dsa_pointer draining;       // list of dropped instances that are still attached
  uint64 databases_changed;   // counts new and removed entries of databases
  uint64 publications;        // counts changes of published registrations
  uint64 memory_used;         // bytes taken for allocations and published registrations
  uint64 memory_freed;        // number of times that memory in use was given back
  uint64 next_ticket;         // identifies a start of a worker
  dsa_pointer hosting;        // hosting::block, once a library is hosted
  pid_t launcher;             // 0: none
  pid_t launcher_starter;     // process that last requested one; 0: none is missing
  pg::moment launcher_asked;  // time of the request, or of the launcher's end
  Latch *launcher_latch;
  pg::moment starved;    // since when visits find no free slot; none: they do
  dsa_pointer events;    // see shared/events.h
  dsa_pointer runs;      // see shared/runs.h
  int64 longest_delay;   // dynpgext.restart_delay_max in milliseconds, copied by the launcher
  int32 worker_limit;    // dynpgext.max_database_workers, copied by the launcher
  int32 owner_limit;     // dynpgext.max_owner_workers, the same
  int32 places;          // taken by workers, see workers/places.h
  bool was_standby;      // at the launcher's last check
  bool orphans;          // workers of a dropped database have changed
  bool runner_wanted;    // some SQL worker waits for a place: runners yield, see workers/runner.h
  bool retry_waiting;    // a place has become free, or a command has ended
  bool look_soon;        // a database may be new or dropped: the launcher must not wait
  bool crashes_judged;   // those of the last run of the server
  bool pauses_recalled;  // of transactions prepared before this run of the server
  bool is_unguarded;     // the crash guard's file cannot be used; a WARNING was logged
  uint32 paused;         // number of pauses
  uint32 requested;      // number of run requests
  uint32 quarantined;    // number of quarantined workers and extensions
  uint32 failed;         // number of failed extensions
  version_name made_by;  // version of the library that made the memory
  entry_rooms rooms;
  dshash_table_handle versions;
  version_name launcher_version;     // of the library of the present or last launcher
  pg::library_build launcher_build;  // the same
  pg::library_build proven_build;  // of the last library that was tried, see launcher/replacement.h
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

// Can this process use shared memory?  Not in the postmaster, and never during a binary upgrade.
[[nodiscard]] bool available();

// Attaches on the first call in a process, and makes missing parts.  ERROR 55000 if it is not
// available, 53200 if there is no memory.
[[nodiscard]] shared &attach();
// The same without attaching: nullptr before the first attach().
[[nodiscard]] shared *attached();

// Work of the first process that attaches, once everything exists; others also do it until it has
// finished.
void set_first_use(void (*begin)(shared &));

// The database whose names this process sees: the connected one, or in a database-local worker that
// has not connected yet, its own.
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
