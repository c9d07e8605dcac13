// A keeper: the process that acts as postmaster for one hosted library.
//
// It loads the library as the postmaster would, makes its memory, and stays, to run the library's
// callbacks at the shutdown of the server.  If a keeper has ended and the memory still exists, the
// next one continues with it.
#include "hosting/instances.h"
#include "hosting/loading.h"
#include "hosting/process.h"
#include "pg/fault.h"
#include "pg/serving.h"
#include "pg/worker.h"
#include "shared/charge.h"
#include "workers/launch.h"
#include "workers/launcher_start.h"

namespace dynpgext::hosting {
namespace {

void broadcast(state::shared &s) {
  pg::call([&s] { ConditionVariableBroadcast(&s.root->changed); });
}

// False if another keeper exists, or none is wanted any more.
bool take_office(state::shared &s, uint64 number) {
  if (!attach(s, number)) return false;
  const state::exclusive lock(s);
  instance *i = find_instance(require_block(s), number);
  if (i == nullptr || i->state == instance_state::leaving || i->state == instance_state::failed)
    return false;
  if (i->keeper != 0 && i->keeper != MyProcPid && pg::process_exists(i->keeper)) return false;
  i->keeper = MyProcPid;
  i->keeper_slot = slot_state::none;
  state::wake_launcher_locked(s);  // slots may not have to be kept any more
  return true;
}

// Frees everything made so far.
void report_failure(state::shared &s, uint64 number, int sqlstate, const char *why) {
  dsm_handle memory = DSM_HANDLE_INVALID;
  {
    const state::exclusive lock(s);
    instance *i = find_instance(require_block(s), number);
    if (i == nullptr || i->state != instance_state::asked) return;
    if (i->size > 0) memory = i->memory;
    state::give_back(s, state::memory_bill{i->size, InvalidOid});
    i->size = 0;
    i->error.assign(why);
    i->sqlstate = sqlstate;
    i->state = instance_state::failed;
    i->keeper = 0;
  }
  if (memory != DSM_HANDLE_INVALID) pg::call([=] { dsm_unpin_segment(memory); });
  broadcast(s);
}

void host(state::shared &s, uint64 number) {
  instance &i = *find_instance(require_block(s), number);
  try {
    load_before(s, i);
    load_as_keeper(s, i);
    DYNPGEXT_FAULT_POINT("hosting.keeper_loaded");
  } catch (const pg::server_error &e) {
    report_failure(s, number, e.data()->sqlerrcode, e.what());
    throw;
  } catch (const pg::error &e) {
    const std::string why =
        e.detail().empty() ? e.what() : std::string(e.what()) + ": " + e.detail();
    report_failure(s, number, e.sqlstate(), why.c_str());
    throw;
  }
  {
    const state::exclusive lock(s);
    i.keeper_was_up = true;
    if (i.state == instance_state::asked) {
      i.hosted_at = GetCurrentTimestamp();
      i.state = instance_state::hosted;
    }
  }
  broadcast(s);
}

void run_keeper(uint64 number) {
  state::shared &s = state::attach();
  pg::handle_signals_politely();
  if (!take_office(s, number)) return;
  DYNPGEXT_FAULT_POINT("hosting.keeper_in_office");
  host(s, number);
  DYNPGEXT_FAULT_POINT("hosting.keeper_up");
  state::wake_launcher();  // its workers may be waiting
  while (!pg::asked_to_exit()) {
    (void)pg::wait_for_latch(-1, pg::wait::keeper);
    (void)pg::reload_configuration_if_asked();
  }
  state::look_for_launcher(s);
}

}  // namespace
}  // namespace dynpgext::hosting

// On SIGTERM it ends with status 0: libraries write their files only then.
DYNPGEXT_PROCESS_FUNCTION(dynpgext_keeper_main) {
  dynpgext::pg::entry([=] { dynpgext::hosting::run_keeper(DatumGetUInt64(argument)); });
}
