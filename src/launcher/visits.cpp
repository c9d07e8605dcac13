// Processes that the launcher sends to databases.
#include "launcher/launcher.h"
#include "pg/database_lock.h"
#include "pg/fault.h"
#include "pg/process.h"
#include "pg/settings.h"
#include "shared/access.h"
#include "shared/attention.h"
#include "workers/database_commands.h"

namespace dynpgext::supervision {
namespace {

// How long a visit may wait for a lock while another database waits for its place.
constexpr std::chrono::seconds lock_patience(5);

// A failed visit is repeated after 1, 2, 4, ... 60 seconds.
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
    state::attend(shared_, v.database);
    state::attend_waiting(shared_);  // its slot is free
    // a successful visit has recorded this itself
    if (entry != nullptr && !entry->provisioned) {
      // a visit that has yielded to a command on the database has not failed
      if (!state::is_blocked(shared_, v.database))
        entry->visit_after = after_failure(++entry->visits_failed);
      entry->visited = false;
    }
    pg::free_handle(std::exchange(v.handle, nullptr));
  }
  std::erase_if(under_way_, [](const visit &v) { return v.handle == nullptr; });
}

// Any role that may lock tables of a database can make its visit wait without limit.  The visit
// then yields its place to others, and is repeated later.
void visits::make_way() {
  const pg::moment now = pg::moment::now();
  for (const visit &v : under_way_) {
    const pid_t pid = pg::process_of(v.handle);
    if (now - v.asked_at < lock_patience || !pg::waits_for_lock(pid)) continue;
    {
      const state::exclusive lock(shared_);
      state::database_entry *entry = shared_.databases.find({v.database});
      if (entry != nullptr && entry->visitor == pid) entry->visitor_told = true;
    }
    pg::terminate_process(pid);
  }
}

// Visits with the fewest failures first.
std::vector<Oid> visits::due() const {
  std::vector<std::pair<uint32, Oid>> found;
  const pg::moment now = pg::moment::now();
  const state::reading lock(shared_);
  for (const state::database_entry *entry : shared_.databases.entries()) {
    const Oid database = entry->key.database;
    const bool busy = std::any_of(under_way_.begin(), under_way_.end(),
                                  [=](const visit &v) { return v.database == database; });
    if (!entry->visited && !busy && entry->visit_after <= now &&
        !state::is_blocked(shared_, database))
      found.emplace_back(entry->visits_failed, database);
  }
  std::sort(found.begin(), found.end());
  std::vector<Oid> databases;
  databases.reserve(found.size());
  for (const auto &[failed, database] : found) databases.push_back(database);
  return databases;
}

void visits::end_hunger() {
  if (!shared_.root->starved.is_set()) return;  // only the launcher sets it
  const state::exclusive lock(shared_);
  shared_.root->starved = {};
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
    under_way_.push_back({database, handle, pg::moment::now()});
    end_hunger();
    return true;
  }
  {
    const state::exclusive lock(shared_);
    if (state::database_entry *entry = shared_.databases.find({database})) entry->visited = false;
    if (!shared_.root->starved.is_set()) shared_.root->starved = pg::moment::now();
  }
  if (!std::exchange(starved_, true))
    pg::log(WARNING, "no free slot for provisioning databases",
            "It continues as soon as a slot is free. Consider increasing max_worker_processes.");
  return false;
}

bool visits::advance() {
  reap();
  const std::vector<Oid> waiting = due();
  if (waiting.empty()) {
    starved_ = false;
    end_hunger();
  }
  for (const Oid database : waiting) {
    // it would wait for the lock, and other databases for its place
    if (pg::is_database_locked(database)) continue;
    if (under_way_.size() >= static_cast<size_t>(pg::settings::start_concurrency())) {
      make_way();
      break;
    }
    if (!start(database)) break;
  }
  return !under_way_.empty();
}

}  // namespace dynpgext::supervision
