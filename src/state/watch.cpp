#include "state/watch.h"

#include "pg/process.h"
#include "pg/termination.h"
#include "state/worker_entry.h"

namespace dynpgext::state {
namespace {

using model::worker_event;
using model::worker_state;

// One signal may be lost behind another; the process repeats it to itself, too.
constexpr int64 insist_again_microseconds = INT64CONST(1000000);

class watcher {
 public:
  watcher(shared &s, int64 stop_timeout_milliseconds, TimestampTz decided_at)
      : shared_(s), stop_timeout_(stop_timeout_milliseconds * 1000), decided_at_(decided_at) {}

  watch_result look() {
    const exclusive lock(shared_);
    for (worker_entry *entry : shared_.workers.entries()) {
      if (entry->state == worker_state::waiting) result_.somebody_waits = true;
      follow_clock(*entry);
      if (entry->state == worker_state::backoff && entry->next_start_at > decided_at_)
        again_at(entry->next_start_at);
      if (was_just_ended(*entry)) result_.somebody_runs = true;
      if (entry->pid == 0 || entry->exited) continue;
      result_.somebody_runs = true;
      if (entry->told_at != 0)
        check_end(*entry);
      else if (entry->deadline > 0 && !entry->hosted)  // its runner looks after its runs
        check_heartbeat(*entry);
    }
    return std::move(result_);
  }

 private:
  // What lies in the future has been set when the clock stood later than now.
  void follow_clock(worker_entry &entry) const {
    entry.told_at = std::min(entry.told_at, now_);
    entry.claimed_at = std::min(entry.claimed_at, now_);
    const int64 longest = std::max(entry.restart_delay, shared_.root->longest_delay) * 1000;
    entry.next_start_at = std::min(entry.next_start_at, now_ + longest);
  }

  void again_at(TimestampTz at) { result_.look_again_at = std::min(result_.look_again_at, at); }

  void check_end(worker_entry &entry) {
    if (entry.stuck) return;
    const int64 late = now_ - entry.told_at - stop_timeout_;
    if (late < 0) return again_at(entry.told_at + stop_timeout_);
    if (!std::exchange(entry.overdue, true)) {
      record(shared_, entry, "overdue", "was told to end, and has not");
      result_.late.push_back({identity_of(entry), entry.pid, false});
    }
    // a command that goes on when it is cancelled; its neighbours go on in another process
    if (entry.hosted && entry.busy) pg::terminate_process(entry.pid);
    pg::insist_on_end(entry.pid);
    if (late < insistence_microseconds) return again_at(now_ + insist_again_microseconds);
    entry.stuck = true;
    record(shared_, entry, "stuck", "nothing ends it");
    result_.late.push_back({identity_of(entry), entry.pid, true});
  }

  void check_heartbeat(worker_entry &entry) {
    const auto last = static_cast<int64>(pg_atomic_read_u64(&entry.heartbeat));
    const int64 silent_for = pg::monotonic_microseconds() - last;
    const int64 left = entry.deadline * 1000 - silent_for;
    if (left > 0) {
      if (advance(entry, worker_event::recover)) record(shared_, entry, "recovered");
      return again_at(now_ + left);
    }
    const bool ends = model::restarts(entry.restart, true);
    if (advance(entry, worker_event::fall_silent)) {
      record(shared_, entry, "unresponsive",
             "no heartbeat for " + std::to_string(silent_for / 1000) + " ms");
      result_.silent.push_back({identity_of(entry), entry.deadline, ends});
    }
    if (!ends) return again_at(now_ + entry.deadline * 1000);
    entry.timed_out = true;
    entry.told_at = now_;
    pg::terminate_process(entry.pid);
    again_at(now_ + stop_timeout_);
  }

  shared &shared_;
  int64 stop_timeout_;
  TimestampTz decided_at_;
  TimestampTz now_ = GetCurrentTimestamp();
  watch_result result_;
};

}  // namespace

watch_result watch(shared &s, int64 stop_timeout_milliseconds, TimestampTz decided_at) {
  return watcher(s, stop_timeout_milliseconds, decided_at).look();
}

}  // namespace dynpgext::state
