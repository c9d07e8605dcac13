// DROP DATABASE and its like, which the server refuses while anybody is connected: processes of
// ours get out of the way, and come back after the command, or when it has failed.
//
// Where this library is loaded, the process that is about to run such a command blocks the database
// until its transaction ends.  Elsewhere the launcher meets the command's lock.  Scenarios:
//
//   this library is loaded     blocked, cleared and waited for before the server looks
//   it is not                  the lock is met twice in a row: cleared by the launcher
//   the command is refused     its transaction ends, and everything comes back
//   its session ends           unblocked as it ends; after kill -9 all memory is new
//   ALTER DATABASE, a template the same, and the workers come back
//   others hold the lock       nobody can connect: nothing ends, and nothing is started
//   a visit is under way       told to end; the launcher sends another
//   a worker does not end      asked to cancel its command, again and again (clearing.h)
//   a global worker is in it   by the database that it is connected to, not by its home
//   ended before it was met    within a moment of its end it counts as ended for the command
#pragma once

#include <vector>

#include "workers/workers.h"

namespace dynpgext::state {

// Until unblock() by this process, or its end, nothing of ours is started in the database.
void block_database(shared &s, Oid database);
// Whatever this process has blocked.  Wakes the launcher.
void unblock_databases(shared &s) noexcept;

// Tells the workers of the database, those that are connected to it, and a visit there to end.
// Returns the workers.
std::vector<worker_identity> clear_database(shared &s, Oid database);
// Until they and its SQL runner are no longer connected to it; those that still are after so many
// milliseconds.  The caller holds the command's lock, so nobody connects meanwhile: a process that
// waits for that lock need not be waited for.
[[nodiscard]] std::vector<worker_identity>
wait_until_cleared(shared &s, Oid database, const std::vector<worker_identity> &workers,
                   long milliseconds);

// For the launcher: tries the lock of each database that something of ours is connected to, and
// clears those that a command wants.  Returns whether any is, or may be: look again soon.
bool meet_commands(shared &s);

}  // namespace dynpgext::state
