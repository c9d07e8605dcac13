#include "workers/database_commands.h"

#include <set>

#include "pg/database.h"
#include "pg/database_lock.h"
#include "pg/fault.h"
#include "pg/process.h"
#include "shared/attention.h"
#include "shared/runners.h"
#include "workers/clearing.h"
#include "workers/entry.h"

namespace dynpgext::state {
namespace {

bool uses(const worker_entry &entry, Oid database) {
  if (entry.pid == 0 || entry.exited) return false;
  return entry.key.home == database || pg::database_of_process(entry.pid) == database;
}

// Workers that may be, or may recently have been, connected to it.
std::vector<worker_entry *> workers_about(const shared &s, Oid database) {
  const database_entry *known = s.databases.find({database});
  // workers of any database may have been connected to it when they were ended
  if (known != nullptr && known->ended_until > pg::moment::now()) return s.workers.entries();
  std::vector<worker_entry *> found = s.workers.of(database);
  for (worker_entry *entry : workers_with_process(s))
    if (entry->links.list != database) found.push_back(entry);
  return found;
}

// The worker was ended for a command, as is now known.
void come_back_later(const shared &s, worker_entry &entry, Oid database) {
  entry.ended_in = InvalidOid;
  entry.stopped_for = database;
  entry.stopped_for_extension = false;
  entry.after = after_end::wait;
  if (entry.pid == 0) release_identity(s, entry);
}

// Databases to which processes of ours are, or will be, connected, or in which a command was met.
std::set<Oid> databases_to_watch(const shared &s) {
  std::set<Oid> result;
  const reading lock(s);
  for (const worker_entry *entry : workers_with_process(s)) {
    if (OidIsValid(entry->key.home)) result.insert(entry->key.home);
    const Oid connected = pg::database_of_process(entry->pid);
    if (OidIsValid(connected)) result.insert(connected);
  }
  const pg::moment now = pg::moment::now();
  for (const database_entry *entry : s.databases.entries())
    if (entry->met || entry->ended_until > now || entry->visitor != 0 || !entry->visited)
      result.insert(entry->key.database);
  for (const runner_entry *entry : s.runners.entries()) result.insert(entry->key.database);
  return result;
}

// Only a lock met twice in a row counts: others take it too, but only for a moment.  `refused`: the
// lock prevents connections, but its holder does not need the database without sessions.
enum class meeting { nothing, once, refused, command, over };
meeting meet(const shared &s, Oid database) {
  const bool is_locked = pg::is_database_locked(database);
  const bool is_wanted = is_locked && pg::is_database_wanted_alone(database);
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return meeting::nothing;
  const bool was_met = std::exchange(entry->met, is_locked);
  const bool was_locked = std::exchange(entry->locked, is_locked && was_met);
  if (was_locked != entry->locked) {
    attend(s, database);
    attend_waiting(s);
  }
  if (entry->locked) return is_wanted ? meeting::command : meeting::refused;
  if (entry->met) return meeting::once;
  return was_locked ? meeting::over : meeting::nothing;
}

constinit bool has_blocked = false;

void on_blocker_exit(int, Datum) {
  pg::begin_exit();
  if (shared *s = attached()) unblock_databases(*s);
}

}  // namespace

void block_database(shared &s, Oid database) {
  static constinit bool watched = false;
  if (!std::exchange(watched, true)) pg::call([] { before_shmem_exit(on_blocker_exit, 0); });
  has_blocked = true;
  DYNPGEXT_FAULT_POINT("command.blocking");
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) {
    entry = s.databases.insert({database});
    entry->visited = entry->unreachable = true;  // until the launcher has checked it
  }
  entry->blocked_by = MyProcPid;
}

void unblock_databases(shared &s) noexcept {
  if (!std::exchange(has_blocked, false)) return;
  (void)pg::swallow("ending a command on a database", [&s] {
    const exclusive lock(s);
    for (database_entry *entry : s.databases.entries())
      if (entry->blocked_by == MyProcPid) {
        entry->blocked_by = 0;
        attend(s, entry->key.database);
      }
    s.root->look_soon = true;  // a database may have been created, dropped or renamed
    attend_waiting(s);
  });
}

std::vector<worker_identity> clear_database(shared &s, Oid database) {
  std::vector<worker_identity> told;
  const exclusive lock(s);
  for (worker_entry *entry : workers_about(s, database)) {
    if (entry->ended_in == database && was_just_ended(*entry) &&
        entry->after == after_end::by_policy)
      come_back_later(s, *entry, database);
    if (!uses(*entry, database)) continue;
    told.push_back(identity_of(*entry));
    make_way(s, *entry, database, command_on::database);
  }
  if (database_entry *entry = s.databases.find({database});
      entry != nullptr && entry->visitor != 0) {
    entry->visitor_told = true;
    pg::terminate_process(entry->visitor);
  }
  if (!told.empty()) wake_launcher_locked(s);
  return told;
}

std::vector<worker_identity> wait_until_cleared(shared &s, Oid database,
                                                const std::vector<worker_identity> &workers,
                                                long milliseconds) {
  const pg::moment end = pg::moment::now() + std::chrono::milliseconds(milliseconds);
  std::vector<worker_identity> left = wait_until_ended(s, workers, milliseconds, database);
  // its SQL runners end a moment after the workers that they served
  const auto is_connected = [=](pid_t runner) {
    return pg::database_of_process(runner) == database;
  };
  const auto some_runner_is = [&] {
    const std::vector<pid_t> runners = live_runners(s, database);
    return std::any_of(runners.begin(), runners.end(), is_connected);
  };
  while (some_runner_is() && pg::moment::now() < end)
    pg::call([] {
      CHECK_FOR_INTERRUPTS();
      pg_usleep(1000);
    });
  return left;
}

bool meet_commands(shared &s) {
  bool busy = false;
  bool over = false;
  for (const Oid database : databases_to_watch(s)) {
    const meeting found = meet(s, database);
    if (found == meeting::command) {
      pg::log(DEBUG1,
              "dynpgext: a command on database " + std::to_string(database) + " is under way");
      (void)clear_database(s, database);
    }
    busy = busy || (found != meeting::nothing && found != meeting::over);
    over = over || found == meeting::over;
  }
  if (over) {  // the command may have dropped the database
    const exclusive lock(s);
    s.root->look_soon = true;
  }
  return busy;
}

}  // namespace dynpgext::state
