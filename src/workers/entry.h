// An entry of a worker, as those who change it do: claims (starts.cpp) and ends
// (ends.cpp).  Callers hold root.lock exclusively.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "shared/root.h"
#include "shared/worker_identity.h"

namespace dynpgext::state {

// What can be looked at after the lock is gone.  Caller holds root.lock.
struct worker_copy {
  worker_entry entry;
  std::string texts;  // the entry's
};
[[nodiscard]] worker_copy copy_of(const shared &s, const worker_entry &entry);

// Finds or makes one; may run out of memory.
[[nodiscard]] worker_entry *insert_entry(const shared &s, const worker_key &key);
void erase_entry(const shared &s, const worker_key &key);

// Does the event, if it can happen; returns whether it could.
bool advance(const shared &s, worker_entry &entry, model::worker_event event);
// As an event of this worker's.
void record(const shared &s, const worker_entry &entry, std::string_view what,
            std::string_view detail = {});

// The database whose registration it runs by.
void run_for(const shared &s, worker_entry &entry, Oid database, int64 incarnation);
// What is to run, into the entry; what runs, out of it.
void define(const shared &s, worker_entry &entry, const model::wanted_worker &wanted);
[[nodiscard]] model::worker definition_of(const shared &s, const worker_entry &entry);
[[nodiscard]] std::string version_of(const shared &s, const worker_entry &entry);
[[nodiscard]] model::worker definition_of(const worker_copy &copy);
[[nodiscard]] std::string version_of(const worker_copy &copy);
// Makes room for define(), which then needs no memory.
void prepare(const shared &s, worker_entry &entry, const model::worker &definition,
             const std::string &version);
[[nodiscard]] model::worker_terms terms_of(const worker_entry &entry);
void set_terms(worker_entry &entry, const model::worker_terms &terms);

// A process is there for it: false when it must not run.
[[nodiscard]] bool begin_run(const shared &s, worker_entry &entry, pid_t process);
// Its process ends, or, of one that is hosted, its runner runs it no longer.  No allocation: the
// process may have been ended in the middle of one.
void record_exit(const shared &s, worker_entry &entry, int code, const message_text &error);
// It is to end, which it has not been told: `detail` says why.  One that is hosted ends at once
// unless its command runs.  The entry may be gone then.
void tell_to_end(const shared &s, worker_entry &entry, std::string_view detail = {});
// It is to end for a command on this database, or on its extension there, and starts anew when that
// is over.  The entry may be gone then.
enum class command_on : uint8 { database, extension };
void make_way(const shared &s, worker_entry &entry, Oid database, command_on what);
// Runs, without a process until it is due: see workers/runner.h.
[[nodiscard]] inline bool is_at_rest(const worker_entry &entry) {
  return entry.hosted && entry.pid == 0 && entry.state == model::worker_state::running;
}
// The database whose commands the entry's process would be in the way of.
[[nodiscard]] inline Oid database_of(const worker_entry &entry) {
  return entry.hosted ? entry.source : entry.key.home;
}

// Has somebody ended it whom dynpgext knows nothing of, in the database `ended_in`: a command WITH
// (FORCE), perhaps?
[[nodiscard]] bool was_just_ended(const worker_entry &entry);

// Tells those who wait for workers; wakes the launcher.
void changed(const shared &s);

// Those that have a process of their own, all databases.
[[nodiscard]] std::vector<worker_entry *> workers_with_process(const shared &s);
// A start that no process has come of for so long has been lost (the postmaster could not
// fork, or gave up at a shutdown); one that comes later finds its ticket void.
inline constexpr std::chrono::seconds lost_after(30);

// The process is gone: nothing holds the identity any more.
void release_identity(const shared &s, worker_entry &entry);
// Forgets a process that has reported its end and is gone by now.
void bury_exited(shared &s, const worker_key &key);
// What follows when it has ended by itself: a restart after a delay, or nothing.
void settle_end(const shared &s, worker_entry &entry);

}  // namespace dynpgext::state
