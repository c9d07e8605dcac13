// The content of shared memory: plain structs without pointers.  All fields are guarded by
// root.lock, unless a comment says otherwise.
//
// Libraries of other versions use the same memory: see docs/layout.md before you change a struct.
// Entries of tables grow at their end, other structs into their reserved members.
#pragma once

#include "model/registration.h"
#include "model/state.h"
#include "pg/clock.h"
#include "pg/library.h"
#include "pg/running.h"
#include "pg/shared.h"

// A test build has one more member at each end that may grow.
#ifdef DYNPGEXT_TEST_GROWTH
#define DYNPGEXT_GROWN uint64 grown;
#else
#define DYNPGEXT_GROWN
#endif

namespace dynpgext::state {

using extension_name = pg::fixed_string<NAMEDATALEN>;
using allocation_name = pg::fixed_string<256>;
using message_text = pg::fixed_string<1024>;

// Of any length, see shared/text.h.
struct shared_text {
  dsa_pointer bytes;
  uint32 size;
};

// Bytes of root.memory_used, and for whom they count, see shared/charge.h.
struct memory_bill {
  uint64 bytes;
  Oid payer;  // owner of the database when they were taken; InvalidOid: nobody
};

// ---- databases: what each is known to register --------------------------------------

// Which runners end for SQL workers that wait: those whose end gives them a place.
struct yielding {
  static constexpr uint8 all = 1;
  static constexpr uint8 of_owner = 2;     // in databases of the same owner
  static constexpr uint8 of_database = 4;  // in the same database
  static constexpr uint8 own = 8;          // there, those of a worker with its own process
};

struct database_key {
  Oid database;
};
struct database_entry {
  database_key key;
  bool present;            // has dynpgext
  bool provisioned;        // everything registered has been provisioned (or has failed)
  bool visited;            // a process of the launcher has visited it, since the last request
  uint32 comparison;       // number of the last requested full comparison of pg_extension
  uint32 compared;         // one more than the number of the last one made; 0: none since the start
  dsa_pointer older;       // transactions that may not see dynpgext's event triggers: when all have
  uint32 older_count;      // ended, a comparison is wanted
  pg::moment visit_after;  // but not before then
  uint32 visits_failed;    // in a row
  // Distinguishes databases with the same OID, see pg/database_mark.h.  Unknown without dynpgext,
  // and until a process has connected to it.
  pg::fixed_string<40> mark;
  uint32 row;         // version of its row in pg_database; 0: unknown
  bool unreachable;   // nobody can connect to it
  bool trusted;       // a superuser owns it
  Oid owner;          // if not a superuser, as far as is known, see workers/places.h
  pid_t visitor;      // a process of ours connected to provision it; or 0
  bool visitor_told;  // signalled to end, for a command on the database
  // holder of the provisioning lock, see shared/provisioning_lock.h; or 0
  pid_t provisioner;
  extension_name provisioned_extension;  // the extension whose code it runs; empty: none
  pg::moment code_since;                 // since this time
  // a restore of it, see shared/restores.h
  uint32 restorers;          // sessions of this run of the server that count as restoring
  uint32 trusted_restorers;  // among them, those of superusers
  pg::moment restore_began;  // when the first of them was detected; none: there is none
  pg::moment trusted_left;   // end of the last trusted one; none: there was none
  bool name_was_set;         // the owner has set application_name for sessions of the database
  pg::moment trusted_until;  // last time a superuser's session was seen restoring; none: never
  bool restorer_may_return;  // a restoring session may be followed by another
  bool restore_over;         // no session left: the next visit ends the restore
  bool restore_broken_off;   // a session has ended without its client's request
  pg::moment restore_quiet;  // since when there is no session; none: there was one
  pid_t blocked_by;          // pid of the session running a command on the database; 0: none
  bool met;                  // a lock of such a command was met once: it may have another purpose
  bool locked;               // met again: new connections wait
  // for the launcher, see shared/attention.h
  pg::moment attention;    // since when it needs the launcher; none: it does not
  pg::moment due;          // time of the next check without a change
  bool somebody_waits;     // some worker waits, for a place or the end of a command
  pg::moment waits_since;  // longest wait for a place; none: no worker waits
  uint8 runner_wanted;     // for SQL workers among those: which runners end (yielding)
  bool others_wait;        // not only SQL workers, and not only for a place
  pg::moment ended_until;  // until then, the end of a process connected to it may turn out to be
                           // caused by a command on the database
  bool has_worker_limit;   // set with ALTER DATABASE; otherwise the one in the root applies
  int32 worker_limit;      // maximum number of its own workers; -1: no limit
  int32 places;            // of its workers, see workers/places.h
  // prepared transactions, or ones about to be prepared, that may change registrations
  uint32 prepared_count;
  TransactionId prepared[16];
  bool prepared_overflow;     // more than fit; the next visit looks for them
  dsa_pointer registrations;  // encoded, see model/encoding.h
  uint32 registrations_size;  // bytes
  memory_bill charged;        // for these, and for the holdings
  uint64 publication;         // number of their publication
  bool under_restore;         // is among them
  dsa_pointer holdings;       // global_holders: the global ones
  // its rows of hosted libraries, see hosting/session_list.h
  bool rows_followed;  // in this run of the server
  bool kept_out;       // cannot be read, as others have locked it: nobody waits for them
  bool withheld;       // and they may host libraries for the whole server
  DYNPGEXT_GROWN
};

// ---- owners of databases ----------------------------------------------------------------

struct owner_key {
  Oid role;
};
struct owner_entry {
  owner_key key;
  // places of workers started, and memory taken, while it owned their database
  int32 places;
  uint64 memory_used;
  uint32 databases;    // number of databases that it owns
  bool runner_wanted;  // an SQL worker waits for max_owner_workers
  DYNPGEXT_GROWN
};

// ---- global objects: the databases that register them, see shared/globals.h ---------------

struct global_key {
  uint32 kind;               // model::object_kind
  extension_name extension;  // of a worker
  pg::fixed_string<256> name;
};
struct global_entry {
  global_key key;
  dsa_pointer holders;  // list of global_holders
  uint32 expected;      // holders about to be published
  bool is_live;         // a worker or an allocation with this name exists
  DYNPGEXT_GROWN
};

struct global_holder {
  dsa_pointer next, previous;    // of the name
  dsa_pointer next_of_database;  // in the list of the database
  Oid database;
  global_key key;
  uint64 reserved[2];
  uint32 size;  // bytes that follow: the registration of the database, see model/encoding.h
  char bytes[FLEXIBLE_ARRAY_MEMBER];
};

// ---- extensions: results of provisioning ----------------------------------------------

struct extension_key {
  Oid database;
  extension_name extension;
};
[[nodiscard]] inline Oid list_of(const extension_key &key) { return key.database; }
struct extension_entry {
  extension_key key;
  pg::list_links links;
  model::extension_state state;
  pg::moment since;  // time of the change to this state; none: from the beginning
  TimestampTz provisioned_at;
  shared_text error;
  // at the time of the failure
  pg::file_identity file;  // of its library
  uint64 settings;         // pg::settings::provisioning_digest()
  bool ended_process;      // the failure ended the process
  bool lacked_memory;      // not enough memory
  bool had_no_room;        // its registrations did not fit and are not published
  uint64 memory_freed;     // root.memory_freed
  uint64 tried_for;  // digest of the launcher's last reason for a retry, and number of retries
  uint32 tries;
  DYNPGEXT_GROWN
};

// ---- allocations -----------------------------------------------------------------------

struct allocation_key {
  Oid home;  // InvalidOid: global
  allocation_name name;
};
[[nodiscard]] inline Oid list_of(const allocation_key &key) { return key.home; }
struct allocation_entry {
  allocation_key key;
  pg::list_links links;
  pid_t creator;          // a process that makes an instance and runs its callback; or 0
  shared_text awaited;    // the allocation_key that it waits for meanwhile, see claim_wait
  dsa_pointer instances;  // list: at most one published, others of transactions in progress
  DYNPGEXT_GROWN
};

// Number of databases' entries with this hash of a name: a global name may have to check them.
struct local_key {
  uint64 hash;
};
struct local_name {
  local_key key;
  uint32 count;
  DYNPGEXT_GROWN
};

enum class instance_state : uint32 { pending, published, draining };

// Memory of an allocation: this header with its names, followed by the aligned memory that lookups
// return.
struct instance {
  dsa_pointer next;   // in the entry's list or in root.draining
  Oid home;           // InvalidOid: global
  Oid source;         // database of the registration that made it
  int64 incarnation;  // of the extension there
  uint64 size;        // bytes, as registered
  memory_bill charged;
  uint32 holders;   // transactions in progress that want it
  uint32 attached;  // processes that have looked it up
  TimestampTz allocated_at;
  pg::moment drained;      // when it began to drain
  pg_atomic_uint32 state;  // instance_state; written under root.lock, read without
  bool provisional;        // of an init that has not finished yet
  bool announced;          // an event was written
  bool declared;           // in SQL, not by its library
  uint64 reserved[4];
  uint16 name_size;
  uint16 extension_size;
  char names[FLEXIBLE_ARRAY_MEMBER];  // its own, and the extension's

  [[nodiscard]] std::string_view name() const { return {names, name_size}; }
  [[nodiscard]] std::string_view extension() const { return {names + name_size, extension_size}; }
  [[nodiscard]] void *memory() {
    return reinterpret_cast<void *>(TYPEALIGN(
        PG_CACHE_LINE_SIZE, reinterpret_cast<uintptr_t>(names) + name_size + extension_size));
  }
  // Size with names of this total length.
  [[nodiscard]] static uint64 bytes(size_t names, uint64 size) {
    return offsetof(instance, names) + names + PG_CACHE_LINE_SIZE + size;
  }
};

// ---- workers ---------------------------------------------------------------------------

struct worker_key {
  Oid home;  // InvalidOid: global
  extension_name extension;
  pg::fixed_string<BGW_MAXLEN> name;
};

// Why a waiting worker is not started.
enum class waiting_for : uint8 {
  nothing,
  slot,
  max_workers,
  max_database_workers,
  max_owner_workers,
  max_runners,
  safe_mode,
  end_of_restore,
  end_of_recovery,
  standby,
  database_command,
  extension_command,
  max_own_processes
};
// For people: a setting, or a noun.
[[nodiscard]] const char *name_of(waiting_for what);

// The next step after its process has ended.
enum class after_end : uint8 {
  by_policy,   // not signalled to end: possibly a restart
  stay,        // stop_worker(): it stays stopped
  vanish,      // no longer registered: the entry is removed
  renew,       // it starts anew
  wait,        // it starts anew after the command that needed it out of the way
  disable,     // by the DBA
  quarantine,  // by the crash guard
};

// Results of the runs of an SQL worker's command.
struct command_statistics {
  int64 count;
  int64 failures;
  bool failing;  // the last run has failed
  TimestampTz last_at;
  int64 last_duration;  // microseconds
  TimestampTz last_failed_at;
  pg::moment next_at;  // by its interval; or none
  // the run in progress: for the views, and for measuring
  TimestampTz began_at;
  pg::moment began;
};

// A global worker moves to the list of the database that it runs for, see define().
[[nodiscard]] inline Oid list_of(const worker_key &key) { return key.home; }
struct worker_entry {
  worker_key key;
  pg::list_links links;
  // of the current or last definition: version, type, library, function, extra, and the rest
  shared_text texts;
  shared_text next_texts;  // of the next definition; the memory is reserved
  Oid source;
  int64 incarnation;
  uint32 flags;
  uint32 start;
  bool notify;
  bool has_callback;
  bool hosted;               // its process is an SQL runner, which also serves others
  bool counted;              // it has a place, see workers/places.h
  bool counted_in_database;  // also in its database
  Oid payer;                 // also for this owner of the database; InvalidOid: none
  uint64 argument;
  // supervision
  model::restart_policy restart;
  int64 restart_delay;  // milliseconds, before the first restart
  model::server_role role;
  int64 deadline;  // maximum time between two heartbeats, in milliseconds; 0: no limit
  // state
  model::worker_state state;
  pg::moment since;  // time of the last change of state; a return from rest is none
  after_end after;
  bool timed_out;          // signalled to end after a missed deadline: counts as a failure
  bool held_back;          // started before the commit that makes it wanted: waits for the commit
  waiting_for waits_for;   // in state waiting
  pg::moment waits_since;  // for a place; for a worker at rest: the time when it was due
  bool crowded_out;        // the visit that should start it took the last free slot itself
  uint64 ticket;           // of the newest start: a process with an older ticket must not run
  pid_t pid;               // of the process, from its start until it is known to have gone
  uint64 pid_birth;  // set when it reports its end: distinguishes it from a later process with this
                     // pid
  bool exited;       // the process has reported its end but may still exist
  pg::moment claimed_at;  // time of the newest start request
  int64 starts;
  TimestampTz last_started_at;  // these two are for the views
  TimestampTz last_exited_at;
  pg::moment began;  // the same two, for measuring
  pg::moment ended;
  int last_exit_code;
  shared_text error;              // its last failure, unless
  bool has_words;                 // that is still in its process's entry
  Oid stopped_for;                // database of the command that it was in the way of
  bool stopped_for_extension;     // the command was on its extension there
  Oid ended_in;                   // the database it was connected to when another role ended it
  uint32 unhealthy_runs;          // consecutive runs that ended soon
  pg::moment next_start_at;       // in state backoff, or at rest
  pg::moment told_at;             // time of the signal to end; none: not signalled
  bool overdue;                   // reported as not ending
  bool stuck;                     // and as impossible to end
  pg_atomic_uint64 heartbeat;     // moment of the last one; stored by the process, without the lock
  pg_atomic_uint32 barrier;       // 1: had a pending barrier of the server when asked; stored by
                                  // the process itself, without the lock
  bool taken;                     // of a hosted one: its runner knows of it
  bool busy;                      // its command runs; only then must it be signalled to end
  command_statistics runs;        // of a hosted one, in this run of the server
  pg::moment resume_at;           // for one that continues in another process: when it is due
  bool rested;                    // it continues after being at rest
  model::worker_process process;  // of a hosted one
  bool delays;                    // its last run that has ended kept others waiting for long
  int64 run_interval;             // that is set for a hosted one, milliseconds; 0: none is
  int64 scheduled_by;             // the same, as its runner knows it
  pg::moment notified_at;         // when its runner received a notification or a request for a run
                                  // of it; none: not since its last run
  DYNPGEXT_GROWN

  // Signalled to end; its end decides what is wanted then.
  [[nodiscard]] bool is_leaving() const {
    return after != after_end::by_policy && after != after_end::stay;
  }
};

// ---- processes of workers and runners, see shared/processes.h -----------------------------

struct process_key {
  pid_t pid;
};
struct process_entry {
  process_key key;
  worker_key worker;  // its worker
  Oid database;  // of a runner, which belongs to no single worker: its database; else InvalidOid
  uint64 birth;  // of a runner: distinguishes it from a later process with this pid
  message_text words;                // its last words
  pg::fixed_string<MAXPGPATH> file;  // path of the worker's library, and
  pg::file_identity loaded;          // identity of that file
  pg::library_build own;             // build of dynpgext's library that it runs
  DYNPGEXT_GROWN
};

// ---- versions of dynpgext's library that processes run, see shared/versions.h -----------------

using version_name = pg::fixed_string<32>;

struct version_key {
  version_name name;
};
struct version_entry {
  version_key key;
  uint32 processes;  // attached and not ended
  DYNPGEXT_GROWN
};

// ---- runners: processes that run the commands of SQL workers, see workers/runner.h -----------

struct runner_key {
  Oid database;
  Oid role;       // InvalidOid: for workers without a role, which cannot run
  uint64 worker;  // hash of the worker with this process of its own; 0: for all without one
  bool operator==(const runner_key &) const = default;
};
struct runner_entry {
  runner_key key;
  pid_t pid;              // 0: none
  uint64 birth;           // distinguishes it from a later process with this pid
  bool left;              // serves nobody any more, and is about to end
  uint64 ticket;          // of the newest request: a process with an older ticket must not run
  pg::moment asked;       // time of the request, until it has started; or none
  Oid payer;              // owner of the database at the request; InvalidOid: a superuser
  worker_key busy_with;   // the worker whose command it runs
  pg::moment busy_since;  // none: it runs none
  bool reported;          // the launcher has reported that this run delays others
  DYNPGEXT_GROWN
};

// ---- pauses: commands on extensions in progress, see workers/extension_commands.h ---------

struct pause_key {
  uint64 number;
};
struct pause_entry {
  pause_key key;
  Oid database;
  extension_name extension;  // empty: see `hash`
  uint32 hash;               // of the name, if the name is unknown
  TransactionId prepared;    // the transaction that is prepared, or about to be
  DYNPGEXT_GROWN
};

// ---- runs that sessions wait for, see workers/run_requests.h ------------------------------

enum class request_state : uint8 { asked, running, over };
struct request_key {
  uint64 number;
};
struct request_entry {
  request_key key;
  worker_key worker;
  pid_t pid;  // of the waiting session
  pg::moment asked_at;
  request_state state;
  // once it is over
  int64 duration;  // microseconds
  Oid ran_in;      // its encoding is that of the texts
  int sqlstate;    // 0: success
  message_text message;
  message_text detail;
  message_text hint;
  DYNPGEXT_GROWN
};

}  // namespace dynpgext::state
