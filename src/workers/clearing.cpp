#include "workers/clearing.h"

#include <chrono>

#include "pg/clock.h"
#include "pg/database.h"
#include "pg/process.h"
#include "pg/wait_event.h"
#include "workers/entry.h"

namespace dynpgext::state {
namespace {

// SIGTERM alone gets this much time; then cancel requests follow at this interval.
constexpr std::chrono::milliseconds reminder_interval(500);

bool is_there(const shared &s, const worker_identity &id, Oid database) {
  const std::optional<worker_status> status = status_of(s, id);
  if (!status || !has_process(*status)) return false;
  return !OidIsValid(database) || pg::database_of_process(status->pid) == database;
}

void ask_to_cancel(const shared &s, const worker_identity &id) {
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  if (entry == nullptr || entry->pid == 0 || entry->exited || !entry->told_at.is_set()) return;
  if (entry->hosted)
    pg::nudge_process(entry->pid);
  else if ((entry->flags & BGWORKER_BACKEND_DATABASE_CONNECTION) != 0)
    pg::cancel_process(entry->pid);
}

}  // namespace

std::vector<worker_identity> wait_until_ended(shared &s, std::vector<worker_identity> workers,
                                              long milliseconds, Oid database) {
  const pg::moment end = pg::moment::now() + std::chrono::milliseconds(milliseconds);
  const uint32 event = pg::wait_event(pg::wait::worker_end);
  pg::moment next_reminder = pg::moment::now() + reminder_interval;
  for (;;) {
    pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    std::erase_if(workers, [&](const worker_identity &id) { return !is_there(s, id, database); });
    const long left = pg::milliseconds_until(end);
    const bool is_over = workers.empty() || left == 0;
    if (!is_over && pg::milliseconds_until(next_reminder) == 0) {
      for (const worker_identity &id : workers) ask_to_cancel(s, id);
      next_reminder = pg::moment::now() + reminder_interval;
    }
    // nobody signals the end of the process itself
    pg::call([&s, is_over, nap = std::min(left, 20L), event] {
      if (!is_over) (void)ConditionVariableTimedSleep(&s.root->changed, nap, event);
      ConditionVariableCancelSleep();
    });
    if (is_over) return workers;
  }
}

}  // namespace dynpgext::state
