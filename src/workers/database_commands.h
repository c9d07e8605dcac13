// DROP DATABASE and similar commands, which the server refuses while anybody is connected.  Our
// processes leave the database for the command, and return after it, whether it succeeded or not.
//
// If this library is loaded, the process that is about to run such a command blocks the database
// until its transaction ends.  Otherwise the launcher finds the command's lock.  Scenarios:
//
//   this library is loaded     blocks, clears and waits before the server checks for connections
//   it is not loaded           the launcher finds the lock twice in a row, and clears the database
//   the command is refused     its transaction ends, and all workers return
//   its session ends           unblocked at its exit; after kill -9 all shared memory is new
//   ALTER DATABASE, a template the same, and the workers return
//   others hold the lock       nobody can connect: no worker ends, and none is started
//   a visit is in progress     signalled to end; the launcher sends another
//   a worker does not end      repeatedly requested to cancel its command (clearing.h)
//   a global worker            affected if connected to the database; its home does not matter
//   ended before it was met    within a moment of its end it counts as ended for the command
#pragma once

#include <vector>

#include "workers/workers.h"

namespace dynpgext::state {

// None of our processes is started in the database until this process calls unblock_databases(), or
// ends.
void block_database(shared &s, Oid database);
// Unblocks all databases that this process has blocked.  Wakes the launcher.
void unblock_databases(shared &s) noexcept;

// Signals the workers of the database, workers connected to it, and a visit there to end.  Returns
// the workers.
std::vector<worker_identity> clear_database(shared &s, Oid database);
// Waits until the workers, and the database's SQL runners, are no longer connected to it.  Returns
// the workers still connected after the time limit.  The caller holds the command's lock, so no new
// process connects; a process that waits for that lock need not be waited for.
[[nodiscard]] std::vector<worker_identity>
wait_until_cleared(shared &s, Oid database, const std::vector<worker_identity> &workers,
                   long milliseconds);

// For the launcher: tries the lock of each database to which a process of ours is connected, and
// clears the database if a command wants it.  Returns true if a command is, or may be, in progress:
// then check again soon.
bool meet_commands(shared &s);

}  // namespace dynpgext::state
