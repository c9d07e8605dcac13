// From a wanted worker to its process: claim the start, request the process from the postmaster,
// run the callback that the extension's init has set in this process.
#pragma once

#include "workers/decision.h"
#include "workers/workers.h"

namespace dynpgext::state {

using worker_callback = void (*)(BackgroundWorkerHandle *, void *);

// Callbacks of workers, set by an init that ran in this process.
void remember_callback(const worker_identity &id, worker_callback callback, void *data);
[[nodiscard]] bool can_launch(const worker_identity &id, const model::worker &definition);

enum class launch_result {
  started,
  not_startable,
  no_slot,   // of the server
  no_place,  // by our own limits
};
// Starts the wanted worker.  Without a free slot: one WARNING with a hint, and state 'waiting'.
// `no_slots`: none is known to be free, so no process is requested.  `decided_on`: see
// claim_start().
launch_result launch(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
                     bool no_slots = false, const std::optional<uint64> &decided_on = std::nullopt);

// A worker's process requested just before the commit that makes it wanted, so that it starts while
// the commit is written.  It runs none of the author's code before let_start().
struct head_start {
  worker_start start;
  BackgroundWorkerHandle *handle = nullptr;
};
// Nothing if the worker is already known, no slot is free, or it cannot be started here.
[[nodiscard]] std::optional<head_start> start_ahead(shared &s, const worker_identity &id,
                                                    const model::wanted_worker &wanted);
// After the commit: lets the process continue, and runs the callback.
void let_start(shared &s, const head_start &h);

// Carries out the actions of a decision on workers.  If no init has set a worker's callback in this
// process, a visit of its database starts the worker; if the visit finds no second slot, it starts
// the worker without the callback.
struct turn {
  bool no_slots = false;  // no slot of the server is known to be free
  pg::moment end{};       // stop then, to give others their turn; none: no limit
};
struct outcome {
  bool wants_visit = false;  // a visit was requested
  bool no_slots = false;
  bool has_tried = false;  // something was tried, not only skipped because it waits in vain
  bool is_over = true;     // all actions are done
};
outcome carry_out(shared &s, const decision &d, const turn &turn = {});

// The entry point of every worker's process (workers/trampoline.cpp).
inline constexpr const char *worker_entry_point = "dynpgext_worker_main";

// Passed through the postmaster to the worker's process, in bgw_extra.
struct launch_message {
  uint64 ticket;
  Oid home;
  Oid list;
  extension_name extension;  // the worker's name is the process's own bgw_name
};
static_assert(sizeof(launch_message) <= BGW_EXTRALEN);

}  // namespace dynpgext::state
