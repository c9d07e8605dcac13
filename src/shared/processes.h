// Processes of workers and of runners, while they exist: their own data.
//
// A process writes its last words while it ends, possibly in the middle of an allocation.  So the
// room for them exists from its start.  The process that buries it saves them as a text.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// All of them: exclusive lock, unless a comment says otherwise.

// May run out of memory.  For a worker, or for the runner of a database.  Called by the process.
void note_process(const shared &s, pid_t process, const worker_key &worker);
void note_runner_process(const shared &s, const runner_entry &runner);
// The process of the worker, if the entry is the worker's; saves the last words of a runner's
// workers.
void forget_process(const shared &s, const worker_entry &entry);
void forget_runner_process(const shared &s, const runner_entry &runner);

// The process of the worker, or its runner, ends.  No allocation.
void say_last_words(const shared &s, worker_entry &entry, const message_text &words);
// Its process is gone, or belongs to another worker: its last words become the worker's error.
void settle_words(const shared &s, worker_entry &entry);
// Its last error.  Caller holds root.lock.
[[nodiscard]] std::string error_of(const shared &s, const worker_entry &entry);

}  // namespace dynpgext::state
