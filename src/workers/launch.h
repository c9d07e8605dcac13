// From "this worker is wanted" to a process of it: claim, ask the postmaster, run the
// callback that the extension's init gave in this process.
#pragma once

#include "workers/decision.h"
#include "workers/workers.h"

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

// Carries out what a decision says of workers.  One that needs a callback which no init has
// given in this process is left to a visit of its database; where the visit finds no second
// slot for it, it is started without.
struct turn {
  bool no_slots = false;  // it is known that no slot of the server's is free
  pg::moment end{};       // then it stops, for others have their turn; none: it does not
};
struct outcome {
  bool wants_visit = false;  // one was asked for
  bool no_slots = false;
  bool has_tried = false;  // something: more than to see that whoever waits has to wait on
  bool is_over = true;     // all has been done
};
outcome carry_out(shared &s, const decision &d, const turn &turn = {});

// Where the process of every worker begins (workers/trampoline.cpp).
inline constexpr const char *worker_entry_point = "dynpgext_worker_main";

// What goes through the postmaster to the worker's process, in bgw_extra.
struct launch_message {
  uint64 ticket;
  Oid home;
  Oid list;
  extension_name extension;  // the worker's name is the process's own bgw_name
};
static_assert(sizeof(launch_message) <= BGW_EXTRALEN);

}  // namespace dynpgext::state
