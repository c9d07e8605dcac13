// Processes of workers, and of runners, for as long as they are there: what only they have.
//
// A process says its last words while it ends, perhaps in the middle of an allocation.  So there is
// room for them from when it comes up, and who buries it keeps them as a text.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// All of them: exclusive lock, unless a comment says otherwise.

// May run out of memory.  Of a worker; or of the runners of a database.  Called by the process.
void note_process(const shared &s, pid_t process, const worker_key &worker);
void note_runner_process(const shared &s, const runner_entry &runner);
// Those of the worker, if it is that one's process; the last words of a runner's workers are kept.
void forget_process(const shared &s, const worker_entry &entry);
void forget_runner_process(const shared &s, const runner_entry &runner);

// The process of the worker ends, or its runner does.  No allocation.
void say_last_words(const shared &s, worker_entry &entry, const message_text &words);
// Its process is gone, or is another one's: what it said is the worker's error.
void settle_words(const shared &s, worker_entry &entry);
// What it last failed with.  Caller holds root.lock.
[[nodiscard]] std::string error_of(const shared &s, const worker_entry &entry);

}  // namespace dynpgext::state
