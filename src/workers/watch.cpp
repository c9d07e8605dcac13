#include "workers/watch.h"

#include "pg/process.h"
#include "pg/termination.h"
#include "shared/attention.h"
#include "workers/entry.h"

namespace dynpgext::state {
namespace {

using model::worker_event;
using model::worker_state;

// A signal may be lost while another one is pending; the process also repeats it to itself.
constexpr std::chrono::seconds insist_again(1);

class watcher {
 public:
  watcher(shared &s, Oid list, int64 stop_timeout_milliseconds, pg::moment decided_at)
      : shared_(s),
        list_(list),
        stop_timeout_(std::chrono::milliseconds(stop_timeout_milliseconds)),
        decided_at_(decided_at) {}

  watch_result look() {
    const exclusive lock(shared_);
    for (worker_entry *entry : shared_.workers.of(list_)) {
      waits_.add(*entry);
      const bool comes_back = entry->state == worker_state::backoff || is_at_rest(*entry);
      if (comes_back && entry->next_start_at > decided_at_) again_at(entry->next_start_at);
      if (entry->state == worker_state::starting && entry->pid == 0 && !entry->held_back)
        again_at(entry->claimed_at + lost_after);
      if (entry->pid == 0 || entry->exited) continue;
      if (entry->told_at.is_set())
        check_end(*entry);
      else if (entry->deadline > 0 && !entry->hosted)  // its runner watches its runs
        check_heartbeat(*entry);
    }
    set_due(shared_, list_, result_.look_again_at, waits_);
    return std::move(result_);
  }

 private:
  void again_at(pg::moment at) { result_.look_again_at = std::min(result_.look_again_at, at); }

  void check_end(worker_entry &entry) {
    if (entry.stuck) return;
    const pg::duration late = now_ - entry.told_at - stop_timeout_;
    if (late < pg::duration::zero()) return again_at(entry.told_at + stop_timeout_);
    if (!std::exchange(entry.overdue, true)) {
      record(shared_, entry, "overdue", "has not ended in time");
      result_.late.push_back({identity_of(entry), entry.pid, false, entry.hosted});
    }
    // its command ignores the cancel: ends the runner, whose other workers continue in the next one
    if (entry.hosted && entry.busy) pg::terminate_process(entry.pid);
    pg::insist_on_end(entry.pid);
    if (late < insistence) return again_at(now_ + insist_again);
    entry.stuck = true;
    record(shared_, entry, "stuck", "nothing ends it");
    result_.late.push_back({identity_of(entry), entry.pid, true, entry.hosted});
  }

  void check_heartbeat(worker_entry &entry) {
    const pg::duration silent_for = pg::moment::now() - pg::read_moment(&entry.heartbeat);
    const std::chrono::milliseconds deadline(entry.deadline);
    if (silent_for < deadline) {
      if (advance(shared_, entry, worker_event::recover)) record(shared_, entry, "recovered");
      return again_at(now_ + (deadline - silent_for));
    }
    const bool ends = model::restarts(entry.restart, true);
    if (advance(shared_, entry, worker_event::fall_silent)) {
      record(shared_, entry, "unresponsive",
             "no heartbeat for " + std::to_string(silent_for.count() / 1000) + " ms");
      result_.silent.push_back({identity_of(entry), entry.deadline, ends});
    }
    if (!ends) return again_at(now_ + deadline);
    entry.timed_out = true;
    entry.told_at = now_;
    pg::terminate_process(entry.pid);
    again_at(now_ + stop_timeout_);
  }

  shared &shared_;
  Oid list_;
  pg::duration stop_timeout_;
  pg::moment decided_at_;
  pg::moment now_ = pg::moment::now();
  watch_result result_;
  waiting waits_;
};

}  // namespace

watch_result watch(shared &s, Oid list, int64 stop_timeout_milliseconds, pg::moment decided_at) {
  return watcher(s, list, stop_timeout_milliseconds, decided_at).look();
}

bool somebody_runs(const shared &s) {
  const pg::moment now = pg::moment::now();
  const reading lock(s);
  if (!s.processes.entries().empty() || !s.runners.entries().empty()) return true;
  for (const database_entry *entry : s.databases.entries())
    if (entry->ended_until > now) return true;
  return false;
}

}  // namespace dynpgext::state
