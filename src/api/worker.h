// Behind dynpgext_worker_heartbeat() and dynpgext_worker_wait(): calls for a worker's own loop.
#pragma once

namespace dynpgext::api {

// Both are harmless in a process that is not a dynpgext worker.
void worker_heartbeat();
bool worker_wait(long milliseconds);

}  // namespace dynpgext::api
