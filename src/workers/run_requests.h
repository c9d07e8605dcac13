// Runs of SQL workers' commands that sessions wait for: run_worker().
//
// A request is an entry of the session's.  Each run that begins serves all requests for its worker
// that are there by then, and its end leaves its result in them; so a request is over when a run is
// that has begun after it.  The session takes its request back when it has read the result, or
// waits no longer, at the latest when its process ends.  A run that has begun goes on all the same.
#pragma once

#include "pg/transaction.h"
#include "shared/root.h"
#include "shared/worker_identity.h"

namespace dynpgext::state {

// What a session sees of the run that it waits for.
struct run_progress {
  request_state state = request_state::asked;
  int64 duration = 0;              // microseconds, once it is over
  std::optional<pg::failure> why;  // it has failed
  bool is_known = false;           // there is a worker of this identity
  bool has_ended = false;          // the worker has, since the request
  bool is_leaving = false;         // it is told to end, and what follows is not decided
  model::worker_state worker{};    // its state
  waiting_for waits_for{};         // in state waiting
  pid_t runner = 0;                // its process; 0: none at the moment
  Oid encoded_in = InvalidOid;     // the database whose encoding the texts are in
  std::string error = {};          // what the worker last failed with
  bool operator==(const run_progress &) const = default;
};

// Asks for a run, as soon as may be: a worker that rests, or waits to be restarted, is started for
// it.  Takes the lock itself, as all its members do.
class run_request {
 public:
  run_request(shared &s, const worker_identity &id);
  run_request(const run_request &) = delete;
  run_request &operator=(const run_request &) = delete;
  ~run_request();
  [[nodiscard]] run_progress look() const;

 private:
  shared &shared_;
  worker_identity id_;
  uint64 number_ = 0;
  pg::moment asked_{};
};

// The runners of the workers that the session of this process waits for.
[[nodiscard]] std::vector<pid_t> runners_awaited_by(const shared &s, pid_t pid);

// --- for runners ---
// Those that nobody has begun, of all runners.  Takes the lock itself.
[[nodiscard]] std::vector<worker_identity> wanted_runs(const shared &s);
// The same, if they are known.  Caller holds root.lock.
[[nodiscard]] std::vector<const worker_entry *> awaited_workers(const shared &s);
// Callers of these hold root.lock exclusively.
void begin_requested(const shared &s, const worker_entry &entry);
void end_requested(const shared &s, const worker_entry &entry, const pg::failure *why,
                   int64 duration);
// The same of a run that has ended its process, or was called off: with these words.
void end_requested(const shared &s, const worker_entry &entry, std::string_view words);
// It has not run, and will.
void ask_again(const shared &s, const worker_entry &entry);

}  // namespace dynpgext::state
