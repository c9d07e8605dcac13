// Processes that the launcher sends to databases.
#include "pg/settings.h"
#include "supervision/launcher.h"

namespace dynpgext::supervision {
namespace {

// A database that cannot be visited is tried again, but not for ever every second.
constexpr uint32 most_failures_in_a_row = 60;

}  // namespace

void visits::reap() {
  for (visit &v : under_way_) {
    if (!pg::has_stopped(v.handle)) continue;
    const state::exclusive lock(shared_);
    state::database_entry *entry = shared_.databases.find({v.database});
    // a visit that succeeded has said so itself
    if (entry != nullptr && !entry->provisioned) {
      ++entry->visits_failed;
      entry->visit_wanted = entry->visits_failed < most_failures_in_a_row;
    }
    pg::free_handle(std::exchange(v.handle, nullptr));
  }
  std::erase_if(under_way_, [](const visit &v) { return v.handle == nullptr; });
}

std::vector<Oid> visits::due() const {
  std::vector<Oid> databases;
  const state::reading lock(shared_);
  for (const state::database_entry *entry : shared_.databases.entries()) {
    const Oid database = entry->key.database;
    const bool busy = std::any_of(under_way_.begin(), under_way_.end(),
                                  [=](const visit &v) { return v.database == database; });
    if (entry->visit_wanted && !busy) databases.push_back(database);
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
    entry->visit_wanted = false;
    entry->provisioned = false;
  }
  BackgroundWorkerHandle *handle = nullptr;
  if (pg::start_process(request, &handle)) {
    under_way_.push_back({database, handle});
    reported_no_slot_ = false;
    return true;
  }
  state::want_visit(shared_, database);
  if (!std::exchange(reported_no_slot_, true))
    pg::log(WARNING, "no free slot for provisioning databases",
            "It goes on as soon as one is free. Consider increasing max_worker_processes.");
  return false;
}

bool visits::advance() {
  reap();
  const std::vector<Oid> waiting = due();
  for (const Oid database : waiting) {
    if (under_way_.size() >= static_cast<size_t>(pg::settings::start_concurrency())) break;
    if (!start(database)) break;
  }
  return !under_way_.empty();
}

}  // namespace dynpgext::supervision
