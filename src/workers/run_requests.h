// Runs of SQL workers' commands that sessions wait for: run_worker().
//
// A request is an entry of the waiting session.  The start of a run takes all existing requests for
// its worker, and its end stores the result in them; so each request gets the result of a run that
// began after it.  The session removes its request when it has read the result or stops waiting, at
// the latest at its exit.  A run that has begun continues anyway.
#pragma once

#include "pg/transaction.h"
#include "shared/root.h"
#include "shared/worker_identity.h"

namespace dynpgext::state {

// Progress of the awaited run, as the session sees it.
struct run_progress {
  request_state state = request_state::asked;
  int64 duration = 0;              // microseconds, once it is over
  std::optional<pg::failure> why;  // set if it has failed
  bool is_known = false;           // a worker with this identity exists
  bool has_ended = false;          // the worker has ended since the request
  bool is_leaving = false;         // it is stopping, and the next step is not decided
  model::worker_state worker{};
  waiting_for waits_for{};      // in state waiting
  pid_t runner = 0;             // its process; 0: none at the moment
  Oid encoded_in = InvalidOid;  // database whose encoding the texts have
  std::string error = {};       // the worker's last error
  bool operator==(const run_progress &) const = default;
};

// Requests a run as soon as possible: a worker at rest, or waiting for a restart, is started for
// it.  The members take the lock themselves.
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

// For the runs that the session with this pid waits for: the runners of their workers, and the
// visits without which the workers do not start.
[[nodiscard]] std::vector<pid_t> processes_awaited_by(const shared &s, pid_t pid);

// --- for runners ---
// Workers with requests that no run has taken yet, of all runners.  Takes the lock itself.
[[nodiscard]] std::vector<worker_identity> wanted_runs(const shared &s);
struct awaited_worker {
  const worker_entry *entry;
  pg::moment since;  // of one request; another may be older
};
// The same, if they are known, one for each request.  Caller holds root.lock.
[[nodiscard]] std::vector<awaited_worker> awaited_workers(const shared &s);
// Callers of these hold root.lock exclusively.
void begin_requested(const shared &s, const worker_entry &entry);
void end_requested(const shared &s, const worker_entry &entry, const pg::failure *why,
                   int64 duration);
// The same for a run that has ended its process, or was cancelled: with these words.
void end_requested(const shared &s, const worker_entry &entry, std::string_view words);
// The run did not take place: the requests wait for the next one.
void ask_again(const shared &s, const worker_entry &entry);

}  // namespace dynpgext::state
