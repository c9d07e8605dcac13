// Processes that the launcher sends to databases.
#include "pg/database_lock.h"
#include "pg/fault.h"
#include "pg/settings.h"
#include "state/database_commands.h"
#include "supervision/launcher.h"

namespace dynpgext::supervision {
namespace {

// A database that cannot be visited is tried again after a second, two, four, ... a minute.
pg::moment after_failure(uint32 failures) {
  const int64 seconds = std::min<int64>(int64{1} << std::min(failures - 1, 6U), 60);
  return pg::moment::now() + std::chrono::seconds(seconds);
}

}  // namespace

void visits::reap() {
  for (visit &v : under_way_) {
    if (!pg::has_stopped(v.handle)) continue;
    const state::exclusive lock(shared_);
    state::database_entry *entry = shared_.databases.find({v.database});
    // a visit that succeeded has said so itself
    if (entry != nullptr && !entry->provisioned) {
      // one that has made room for a command on the database has not failed
      if (!state::is_blocked(shared_, v.database))
        entry->visit_after = after_failure(++entry->visits_failed);
      entry->visited = false;
    }
    pg::free_handle(std::exchange(v.handle, nullptr));
  }
  std::erase_if(under_way_, [](const visit &v) { return v.handle == nullptr; });
}

std::vector<Oid> visits::due() const {
  std::vector<Oid> databases;
  const pg::moment now = pg::moment::now();
  const state::reading lock(shared_);
  for (const state::database_entry *entry : shared_.databases.entries()) {
    const Oid database = entry->key.database;
    const bool busy = std::any_of(under_way_.begin(), under_way_.end(),
                                  [=](const visit &v) { return v.database == database; });
    if (!entry->visited && !busy && entry->visit_after <= now &&
        !state::is_blocked(shared_, database))
      databases.push_back(database);
  }
  std::sort(databases.begin(), databases.end());
  return databases;
}

bool visits::start(Oid database) {
  const pg::worker_request request{.name = "dynpgext provisioning",
                                   .type = "dynpgext provisioning",
                                   .function = "dynpgext_database_main",
                                   .argument = ObjectIdGetDatum(database),
                                   .flags =
                                       BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
                                   .notify = MyProcPid};
  {
    const state::exclusive lock(shared_);
    state::database_entry *entry = shared_.databases.find({database});
    if (entry == nullptr) return true;
    entry->visited = true;
    entry->provisioned = false;
  }
  BackgroundWorkerHandle *handle = nullptr;
  DYNPGEXT_FAULT_POINT("visits.asking");
  if (pg::start_process(request, &handle)) {
    DYNPGEXT_FAULT_POINT("visits.asked");
    under_way_.push_back({database, handle});
    return true;
  }
  {
    const state::exclusive lock(shared_);
    if (state::database_entry *entry = shared_.databases.find({database})) entry->visited = false;
  }
  if (!std::exchange(starved_, true))
    pg::log(WARNING, "no free slot for provisioning databases",
            "It goes on as soon as one is free. Consider increasing max_worker_processes.");
  return false;
}

bool visits::advance() {
  reap();
  const std::vector<Oid> waiting = due();
  if (waiting.empty()) starved_ = false;
  for (const Oid database : waiting) {
    if (under_way_.size() >= static_cast<size_t>(pg::settings::start_concurrency())) break;
    // it would wait for the lock, and other databases for its place
    if (pg::is_database_locked(database)) continue;
    if (!start(database)) break;
  }
  return !under_way_.empty();
}

}  // namespace dynpgext::supervision
