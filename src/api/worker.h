// Behind dynpgext_worker_heartbeat() and dynpgext_worker_wait(): what a worker's own loop calls.
#pragma once

namespace dynpgext::api {

// Neither does harm in a process that is no worker of dynpgext's.
void worker_heartbeat();
bool worker_wait(long milliseconds);

}  // namespace dynpgext::api
