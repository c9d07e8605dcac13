#include "workers/launcher_start.h"

#include "pg/transaction.h"
#include "pg/worker.h"

namespace dynpgext::state {
namespace {

// A request for a launcher that is older than this, without a launcher, has failed.
constexpr std::chrono::seconds launcher_patience(10);

constinit bool is_preloaded = false;

}  // namespace

bool start_launcher_process(bool at_boot) {
  const pg::worker_request request{.name = "dynpgext launcher",
                                   .type = "dynpgext launcher",
                                   .function = "dynpgext_launcher_main",
                                   .flags =
                                       BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
                                   .start = BgWorkerStart_ConsistentState,
                                   .restart_seconds = launcher_restart_seconds};
  if (!at_boot) return pg::start_process(request);
  pg::start_process_at_boot(request);
  return true;
}

void set_preloaded() { is_preloaded = true; }
bool preloaded() { return is_preloaded; }

bool is_launcher_missed(const shared &s) {
  const reading lock(s);
  return s.root->launcher == 0 && s.root->launcher_starter != 0 &&
         pg::moment::now() - s.root->launcher_asked >= launcher_patience;
}

bool ensure_launcher(shared &s) {
  if (!IsUnderPostmaster) return true;
  {
    const exclusive lock(s);
    const pg::moment now = pg::moment::now();
    root &r = *s.root;
    if (r.launcher != 0) return true;
    const bool is_on_its_way =
        r.launcher_starter != 0 && now - r.launcher_asked < launcher_patience;
    if (is_on_its_way) return true;
    const bool is_first = r.launcher_starter == 0;
    r.launcher_starter = MyProcPid;
    r.launcher_asked = now;
    if (is_first && is_preloaded) return true;  // the postmaster starts it
  }
  if (start_launcher_process(false)) return true;
  // the next process that checks tries again
  const exclusive lock(s);
  if (s.root->launcher == 0 && s.root->launcher_starter == MyProcPid)
    s.root->launcher_asked = pg::moment::now() - launcher_patience;
  return false;
}

void look_for_launcher(shared &s) noexcept {
  (void)pg::swallow("looking for the launcher", [&s] {
    if (is_launcher_missed(s)) (void)ensure_launcher(s);
  });
}

void leave_launcher_office(shared &s) {
  const exclusive lock(s);
  if (s.root->launcher != MyProcPid) return;
  s.root->launcher = 0;
  s.root->launcher_latch = nullptr;
  s.root->launcher_starter = MyProcPid;
  s.root->launcher_asked = pg::moment::now();
}

}  // namespace dynpgext::state
