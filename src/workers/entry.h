// Changes to a worker's entry, for claims (starts.cpp) and ends (ends.cpp).  Callers hold root.lock
// exclusively.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "shared/root.h"
#include "shared/worker_identity.h"

namespace dynpgext::state {

// A copy that can be used after the lock is released.  Caller holds root.lock.
struct worker_copy {
  worker_entry entry;
  std::string texts;  // copy of the packed texts
};
[[nodiscard]] worker_copy copy_of(const shared &s, const worker_entry &entry);

// Finds or makes the entry; may run out of memory.
[[nodiscard]] worker_entry *insert_entry(const shared &s, const worker_key &key);
void erase_entry(const shared &s, const worker_key &key);

// Applies the event if the state allows it; returns whether it did.
bool advance(const shared &s, worker_entry &entry, model::worker_event event);
// Records an event of this worker.
void record(const shared &s, const worker_entry &entry, std::string_view what,
            std::string_view detail = {});

// Sets the database whose registration it runs by.
void run_for(const shared &s, worker_entry &entry, Oid database, int64 incarnation);
// Writes a definition into the entry; the functions after it read the definition back.
void define(const shared &s, worker_entry &entry, const model::wanted_worker &wanted);
[[nodiscard]] model::worker definition_of(const shared &s, const worker_entry &entry);
[[nodiscard]] std::string version_of(const shared &s, const worker_entry &entry);
[[nodiscard]] model::worker definition_of(const worker_copy &copy);
[[nodiscard]] std::string version_of(const worker_copy &copy);
// Reserves memory, so that define() needs none.
void prepare(const shared &s, worker_entry &entry, const model::worker &definition,
             const std::string &version);
[[nodiscard]] model::worker_terms terms_of(const worker_entry &entry);
void set_terms(worker_entry &entry, const model::worker_terms &terms);

// Records the process that runs the worker.  False if it must not run.
[[nodiscard]] bool begin_run(const shared &s, worker_entry &entry, pid_t process);
// Records that its process ends, or for a hosted worker, that its runner no longer runs it.  No
// allocation: the process may have ended in the middle of one.
void record_exit(const shared &s, worker_entry &entry, int code, const message_text &error);
// Signals the worker to end, if that has not been done; `detail`: the reason.  A hosted worker ends
// at once unless its command runs.  The entry may be gone afterwards.
void tell_to_end(const shared &s, worker_entry &entry, std::string_view detail = {});
// Signals the worker to end for a command on this database, or on its extension there; the worker
// starts anew after the command.  The entry may be gone afterwards.
enum class command_on : uint8 { database, extension };
void make_way(const shared &s, worker_entry &entry, Oid database, command_on what);
// The worker counts as running, without a process until it is due: see workers/runner.h.
[[nodiscard]] inline bool is_at_rest(const worker_entry &entry) {
  return entry.hosted && entry.pid == 0 && entry.state == model::worker_state::running;
}
// The database whose commands the worker's process would block.
[[nodiscard]] inline Oid database_of(const worker_entry &entry) {
  return entry.hosted ? entry.source : entry.key.home;
}

// Was it ended a moment ago in the database `ended_in`, by an unknown session, possibly for a
// command WITH (FORCE)?
[[nodiscard]] bool was_just_ended(const worker_entry &entry);

// Wakes all processes that wait for workers, and the launcher.
void changed(const shared &s);

// Workers with a process of their own, of all databases.
[[nodiscard]] std::vector<worker_entry *> workers_with_process(const shared &s);
// A start without a process after this time is lost: the postmaster could not fork, or gave up at a
// shutdown.  A process that starts later has a void ticket.
inline constexpr std::chrono::seconds lost_after(30);

// The process has gone: frees the identity, and takes the next step.
void release_identity(const shared &s, worker_entry &entry);
// Removes a process that has reported its end, if it has gone by now.
void bury_exited(shared &s, const worker_key &key);
// Takes the next step after a worker has ended by itself: a restart after a delay, or none.
void settle_end(const shared &s, worker_entry &entry);

}  // namespace dynpgext::state
