// From "this worker is wanted" to a process of it: claim, ask the postmaster, run the
// callback that the extension's init gave in this process.
#pragma once

#include "state/allocations.h"
#include "state/scope.h"
#include "state/workers.h"

namespace dynpgext::state {

using worker_callback = void (*)(BackgroundWorkerHandle *, void *);

// Callbacks of workers, as given by an init that ran in this process.
void remember_callback(const worker_identity &id, worker_callback callback, void *data);
[[nodiscard]] bool can_launch(const worker_identity &id, const model::worker &definition);

enum class launch_result {
  started,
  not_startable,
  no_slot,   // of the server
  no_place,  // by our own limits
};
// Starts what is wanted.  No slot: one WARNING with a hint, and state 'waiting'.  `no_slots`:
// it is known that none is free, so nobody is asked.
launch_result launch(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
                     bool no_slots = false);

// A worker's process that was asked for just before the commit that makes it wanted, so that it
// comes up while the commit is written.  It runs nothing of the author's before let_start().
struct head_start {
  worker_start start;
  BackgroundWorkerHandle *handle = nullptr;
};
// Nothing when it is known already, when no slot is free, or when it cannot be started here.
[[nodiscard]] std::optional<head_start> start_ahead(shared &s, const worker_identity &id,
                                                    const model::wanted_worker &wanted);
// After the commit: the process goes on, and the callback runs.
void let_start(shared &s, const head_start &h);

[[nodiscard]] model::circumstances circumstances(bool retry_failed);

// What is to be done for a database, and what that was decided on.
struct decision {
  picture seen;
  std::vector<model::action> actions;
};
[[nodiscard]] decision decide(const shared &s, Oid database, const model::circumstances &now);
// The same for workers alone, with these global names, too; does not look at memory.
[[nodiscard]] decision decide_workers(const shared &s, Oid database,
                                      const global_names *also = nullptr,
                                      bool retry_failed = false);
// Carries out what a decision says of workers.  One that needs a callback which no init has
// given in this process is left to a visit of its database; where the visit finds no second
// slot for it, it is started without.  Returns whether a visit was asked for.  `no_slots`: it is
// known that no slot of the server's is free, or has been found out.
bool carry_out(shared &s, const decision &d, bool *no_slots = nullptr);

// Workers of `database`, and global ones, whose library's file has changed since they loaded it.
void mark_stale(const shared &s, Oid database, std::vector<model::live_worker> &workers);

// After a publication: memory and global workers are in line with it.  Exclusive lock.
void settle(shared &s, const publication &published);

// The database has been dropped: its workers end, its memory goes, and so do its entries.
void forget_database(shared &s, Oid database);

// In a process that is connected to a database, in a transaction: what is known of an earlier
// database with its OID is forgotten.  Once in each process; later calls do nothing.
void meet_database(shared &s);

// Where the process of every worker begins (supervision/trampoline.cpp).
inline constexpr const char *worker_entry_point = "dynpgext_worker_main";

// What goes through the postmaster to the worker's process, in bgw_extra.
struct launch_message {
  uint64 ticket;
  Oid home;
  Oid list;
  extension_name extension;  // the worker's name is the process's own bgw_name
};
static_assert(sizeof(launch_message) <= BGW_EXTRALEN);

// Starts the launcher if there is none, or none on its way.  False when no slot was free.
bool ensure_launcher(shared &s);
// What every use of dynpgext in a process begins with: attaches, and on the first call makes
// sure there is a launcher, so that after a restart without preload the first use brings
// everything back.  Later calls do so when it has been away for long: the postmaster, which
// restarts it after a second, measures that second by the wall clock, and does not when that is set
// back.
shared &use();
// The same at the end of a process, which might otherwise wait for nobody.  Allocates nothing.
void look_for_launcher(shared &s) noexcept;
// The launcher ends, or another one is to take its place: it is on its way from now on.
void leave_launcher_office(shared &s);
// This process was sent to a database by the launcher.
void set_visit();
[[nodiscard]] bool is_visit();
// Tells who starts the launcher that the postmaster does (shared_preload_libraries).
void set_preloaded();
[[nodiscard]] bool preloaded();
inline constexpr int launcher_restart_seconds = 1;
[[nodiscard]] bool start_launcher_process(bool at_boot);

}  // namespace dynpgext::state
