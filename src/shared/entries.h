// What lies in shared memory: plain structs without pointers.  All fields are guarded by
// root.lock, unless a comment says otherwise.
//
// Libraries of other versions use the same memory: see docs/layout.md before you change a struct.
// Entries of tables grow at their end, other structs into what they have reserved.
#pragma once

#include "model/registration.h"
#include "model/state.h"
#include "pg/clock.h"
#include "pg/library.h"
#include "pg/running.h"
#include "pg/shared.h"

// A test build has a member more at each end that may grow.
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
  Oid payer;  // owned the database when they were taken; InvalidOid: nobody
};

// ---- databases: what each is known to register --------------------------------------

struct database_key {
  Oid database;
};
struct database_entry {
  database_key key;
  bool present;            // has dynpgext
  bool provisioned;        // everything registered has been provisioned (or has failed)
  bool visited;            // looked at by a process of the launcher, since that was last wanted
  uint32 comparison;       // number of the comparison of pg_extension in full that is wanted last
  uint32 compared;         // one more than that of the last one made; 0: none since the start
  dsa_pointer older;       // transactions that may not see dynpgext's event triggers: when all have
  uint32 older_count;      // ended, a comparison is wanted
  pg::moment visit_after;  // but not before then
  uint32 visits_failed;    // in a row
  // Which one of that OID it is, see pg/database_mark.h.  Not known of one without dynpgext, and
  // until a process has been connected to it.
  pg::fixed_string<40> mark;
  uint32 row;         // its row in pg_database; 0: not known
  bool unreachable;   // nobody can connect to it
  bool trusted;       // a superuser owns it
  Oid owner;          // if it is no superuser, as far as it is known, see workers/places.h
  pid_t visitor;      // a process of ours that is connected to provision it; or 0
  bool visitor_told;  // to end, for a command on the database
  // who holds the provisioning lock, see shared/provisioning_lock.h; or 0
  pid_t provisioner;
  extension_name provisioned_extension;  // whose code it runs; empty: none
  pg::moment code_since;                 // and since when
  // a restore of it, see shared/restores.h
  uint32 restorers;           // sessions of this run of the server that have been taken for one
  uint32 trusted_restorers;   // those of superusers among them
  TimestampTz restore_began;  // when the first of them was; 0: none has been
  TimestampTz trusted_left;   // when the last of the trusted ones has gone; 0: none has
  bool name_was_set;          // the owner has said what sessions are called that do not say it
  pg::moment trusted_until;   // a superuser's session was seen to restore then; none: never
  bool restorer_may_return;   // one of them may have others that take its place
  bool restore_over;          // none is there any more: the next visit ends it
  bool restore_broken_off;    // one of them has not ended as its client asked for
  pg::moment restore_quiet;   // since when; none: one was there
  pid_t blocked_by;  // whose command on the database our processes must not be in the way of; or 0
  bool met;          // a lock of such a command has been met once: it may be for something else
  bool locked;       // and again: who connects to the database waits
  // for the launcher, see shared/attention.h
  pg::moment attention;    // since when it has to look at it; none: it has not
  pg::moment due;          // when it has to, if nothing happens before
  bool somebody_waits;     // some worker, for a place or the end of a command
  pg::moment waits_since;  // the one that has waited for a place for longest; none: none does
  bool runner_wanted;      // some SQL worker is among those
  bool others_wait;        // not only SQL workers, and not only for a place
  pg::moment ended_until;  // until then one of our processes that was connected to it may turn out
                           // to have been ended for a command on it
  bool has_worker_limit;   // set with ALTER DATABASE; otherwise the one in the root holds
  int32 worker_limit;      // how many workers of its own it may have at once; -1: any number
  int32 places;            // that its workers have, see workers/places.h
  // transactions that are, or are being, prepared and may change registrations
  uint32 prepared_count;
  TransactionId prepared[16];
  bool prepared_overflow;     // there were more than fit; the next visit looks for them
  dsa_pointer registrations;  // encoded, see model/encoding.h
  uint32 registrations_size;  // bytes
  memory_bill charged;        // for these, and for the holdings
  uint64 publication;         // number of their publication
  bool under_restore;         // that is among them
  dsa_pointer holdings;       // global_holders: what of them is global
  DYNPGEXT_GROWN
};

// ---- owners of databases ----------------------------------------------------------------

struct owner_key {
  Oid role;
};
struct owner_entry {
  owner_key key;
  // that workers have which were started, and memory that was taken, while it owned their database
  int32 places;
  uint64 memory_used;
  uint32 databases;  // how many it owns
  DYNPGEXT_GROWN
};

// ---- what is global: who registers it, see shared/globals.h ------------------------------

struct global_key {
  uint32 kind;               // model::object_kind
  extension_name extension;  // of a worker
  pg::fixed_string<256> name;
};
struct global_entry {
  global_key key;
  dsa_pointer holders;  // list of global_holders
  uint32 expected;      // holders that are about to be published
  bool is_live;         // there is a worker or an allocation with this name
  DYNPGEXT_GROWN
};

struct global_holder {
  dsa_pointer next, previous;    // of the name
  dsa_pointer next_of_database;  // of all that it holds
  Oid database;
  global_key key;
  uint64 reserved[2];
  uint32 size;  // bytes that follow: what the database registers of it, see model/encoding.h
  char bytes[FLEXIBLE_ARRAY_MEMBER];
};

// ---- extensions: how provisioning went ------------------------------------------------

struct extension_key {
  Oid database;
  extension_name extension;
};
[[nodiscard]] inline Oid list_of(const extension_key &key) { return key.database; }
struct extension_entry {
  extension_key key;
  pg::list_links links;
  model::extension_state state;
  pg::moment since;  // it has had this state; none: from the beginning
  TimestampTz provisioned_at;
  shared_text error;
  // when it failed
  pg::file_identity file;  // of its library
  uint64 settings;         // pg::settings::provisioning_digest()
  bool ended_process;      // by ending the process that ran its code
  bool lacked_memory;      // because there was not enough
  bool had_no_room;        // for its registrations: these are not published
  uint64 memory_freed;     // root.memory_freed
  uint64 tried_for;        // what of the launcher's it was tried again for, and how often
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
  shared_text awaited;    // an allocation_key: what it waits for meanwhile, see claim_wait
  dsa_pointer instances;  // list: at most one published, others of transactions under way
  DYNPGEXT_GROWN
};

// How many entries of databases have a name with this hash: a global one may have to ask them.
struct local_key {
  uint64 hash;
};
struct local_name {
  local_key key;
  uint32 count;
  DYNPGEXT_GROWN
};

enum class instance_state : uint32 { pending, published, draining };

// Memory of an allocation: this header with its names, and behind it, aligned, what lookups return.
struct instance {
  dsa_pointer next;   // in the entry's list or in root.draining
  Oid home;           // InvalidOid: global
  Oid source;         // the database whose registration made it
  int64 incarnation;  // of the extension there
  uint64 size;        // bytes, as registered
  memory_bill charged;
  uint32 holders;   // transactions under way that want it
  uint32 attached;  // processes that have looked it up
  TimestampTz allocated_at;
  pg::moment drained;      // since when it drains
  pg_atomic_uint32 state;  // instance_state; written under root.lock, read without
  bool provisional;        // of an init that has not succeeded yet
  bool announced;          // as an event
  bool declared;           // by SQL, not by its library
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
  // Bytes that it takes with names that have so many together.
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

// What keeps one that is waiting from being started.
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
  extension_command
};
// For people: a setting, or a noun.
[[nodiscard]] const char *name_of(waiting_for what);

// What follows when its process has ended.
enum class after_end : uint8 {
  by_policy,   // nobody has told it to end: a restart, perhaps
  stay,        // stop_worker(): it stays stopped
  vanish,      // no longer registered: the entry goes
  renew,       // it starts anew
  wait,        // it starts anew when the command is over that it was in the way of
  disable,     // by the DBA
  quarantine,  // by the crash guard
};

// What has become of the runs of an SQL worker's command.
struct command_statistics {
  int64 count;
  int64 failures;
  bool failing;  // the last one has failed
  TimestampTz last_at;
  int64 last_duration;  // microseconds
  TimestampTz last_failed_at;
  pg::moment next_at;  // by its interval; or none
  // the run that is under way: for the views, and to measure by
  TimestampTz began_at;
  pg::moment began;
};

// A global one moves to the list of the database that it runs for, see define().
[[nodiscard]] inline Oid list_of(const worker_key &key) { return key.home; }
struct worker_entry {
  worker_key key;
  pg::list_links links;
  // what is to run, or ran last: version, type, library, function and extra, and the rest
  shared_text texts;
  shared_text next_texts;  // of what is about to be: there is memory for it
  Oid source;
  int64 incarnation;
  uint32 flags;
  uint32 start;
  bool notify;
  bool has_callback;
  bool hosted;               // its process is an SQL runner, which serves others, too
  bool counted;              // as one that has a place, see workers/places.h
  bool counted_in_database;  // also in its database
  Oid payer;                 // and for this owner of it; InvalidOid: for none
  uint64 argument;
  // how it is supervised
  model::restart_policy restart;
  int64 restart_delay;  // milliseconds, of the first restart
  model::server_role role;
  int64 deadline;  // longest silence between two heartbeats, in milliseconds; 0: any
  // how it goes
  model::worker_state state;
  pg::moment since;  // it has had this state; an SQL worker that comes back from rest keeps it
  after_end after;
  bool timed_out;          // told to end because it had fallen silent: that is a failure
  bool held_back;          // started ahead of the commit that makes it wanted: waits for it
  waiting_for waits_for;   // in state waiting
  pg::moment waits_since;  // for a place; of one that was at rest: since it was due
  bool crowded_out;        // the process sent to start it took the last free slot itself
  uint64 ticket;           // of the newest start: a process with an older one must not run
  pid_t pid;               // of the process, from when it comes up until it is known to have gone
  uint64 pid_birth;        // once it has reported its end: tells it from a later one with its pid
  bool exited;             // the process has reported its end but may still be there
  pg::moment claimed_at;   // when the newest start was asked for
  int64 starts;
  TimestampTz last_started_at;  // these two are for the views
  TimestampTz last_exited_at;
  pg::moment began;  // the same two, to measure by
  pg::moment ended;
  int last_exit_code;
  shared_text error;           // what it last failed with, unless
  bool has_words;              // that is with its process still
  Oid stopped_for;             // the database that a command is about which it was in the way of
  bool stopped_for_extension;  // it was a command on its extension there
  Oid ended_in;                // the database it was connected to when somebody else ended it
  uint32 unhealthy_runs;       // that ended soon, in a row
  pg::moment next_start_at;    // in state backoff, or at rest
  pg::moment told_at;          // to end; none: not told
  bool overdue;                // has been reported as not ending
  bool stuck;                  // and as one that nothing ends
  pg_atomic_uint64 heartbeat;  // moment of the last one; by the process itself, without the lock
  pg_atomic_uint32 barrier;    // 1: it had a barrier of the server's to serve when it was asked; by
                               // the process itself, without the lock
  bool taken;                  // of a hosted one: its runner knows of it
  bool busy;                   // and is running its command; only then it has to be told to end
  command_statistics runs;     // of a hosted one, in this run of the server
  pg::moment resume_at;        // of one that goes on in another process: when it is due
  bool rested;                 // it does so because there was nothing to do for it
  DYNPGEXT_GROWN

  // Told to end, and what is wanted then is decided when it has.
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
  worker_key worker;   // whose it is
  Oid database;        // of a runner, which is no worker's: its database; else InvalidOid
  uint64 birth;        // of a runner: tells it from a later one with its pid
  message_text words;  // that it has ended with
  pg::fixed_string<MAXPGPATH> file;  // that the worker's library was loaded from, and
  pg::file_identity loaded;          // which one that was
  pg::library_build own;             // of dynpgext's library, which it runs
  DYNPGEXT_GROWN
};

// ---- versions of dynpgext's library that processes run, see shared/versions.h -----------------

using version_name = pg::fixed_string<32>;

struct version_key {
  version_name name;
};
struct version_entry {
  version_key key;
  uint32 processes;  // that have attached and not ended
  DYNPGEXT_GROWN
};

// ---- runners: processes that run the commands of SQL workers, see workers/runner.h -----------

struct runner_key {
  Oid database;
  Oid role;  // that it is; InvalidOid: of those that have none, and cannot run
};
struct runner_entry {
  runner_key key;
  pid_t pid;         // 0: none
  uint64 birth;      // tells it from a later one with its pid
  bool left;         // it serves nobody any more, and is about to be gone
  uint64 ticket;     // of the newest request for one: a process with an older one must not run
  pg::moment asked;  // when, until it has come up; or none
  Oid payer;         // owned the database when it was asked for; InvalidOid: a superuser
  DYNPGEXT_GROWN
};

// ---- pauses: commands on extensions that are under way, see workers/extension_commands.h ---

struct pause_key {
  uint64 number;
};
struct pause_entry {
  pause_key key;
  Oid database;
  extension_name extension;  // empty: see `hash`
  uint32 hash;               // of the name, where that is not known
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
  pid_t pid;  // whose session waits
  request_state state;
  // once it is over
  int64 duration;  // microseconds
  Oid ran_in;      // the database whose encoding the texts are in
  int sqlstate;    // 0: it has succeeded
  message_text message;
  message_text detail;
  message_text hint;
  DYNPGEXT_GROWN
};

}  // namespace dynpgext::state
