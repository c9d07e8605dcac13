// The existing SQL runners, see workers/runner.h.
#pragma once

#include <vector>

#include "model/registration.h"
#include "shared/root.h"

namespace dynpgext::state {

// The runner of a hosted worker.  If the hashes of two workers of a role with processes of their
// own should ever be equal, the two share one.
[[nodiscard]] runner_key runner_of(const model::worker &w, Oid database);
[[nodiscard]] runner_key runner_of(const worker_entry &entry);

// One exists and serves; one has been requested.
[[nodiscard]] bool is_in_office(const runner_entry &entry);
[[nodiscard]] bool is_on_its_way(const runner_entry &entry);
// Either of these.  Caller holds root.lock.
[[nodiscard]] bool has_runner(const runner_entry &entry);
[[nodiscard]] bool has_runner(const shared &s, const runner_key &key);
// For any role there.
[[nodiscard]] bool has_some_runner(const shared &s, Oid database);
// The worker whose command the runner runs at the moment, or null.  Caller holds root.lock.
[[nodiscard]] worker_entry *busy_worker(const shared &s, const runner_entry &entry);
// Has dynpgext.max_runners been reached?  Settings must have been defined.
[[nodiscard]] bool are_runners_full(const shared &s);
// The same for dynpgext.max_own_processes, if the key is that of a worker with its own process.
[[nodiscard]] bool are_own_processes_full(const shared &s, const runner_key &key);
// An SQL worker of the database waits for a place: a runner without work ends, and one that has had
// its turn, if that can help.  Exclusive lock.
void want_runners(const shared &s, const database_entry &database, uint8 which);
// Must this runner end for others?
[[nodiscard]] bool is_runner_wanted(const shared &s, const runner_key &key);
// The processes of those connected to the database.
[[nodiscard]] std::vector<pid_t> live_runners(const shared &s, Oid database);

}  // namespace dynpgext::state
