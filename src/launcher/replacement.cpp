#include "launcher/replacement.h"

#include "pg/own_library.h"
#include "pg/own_version.h"
#include "pg/serving.h"
#include "pg/worker.h"
#include "workers/launcher_start.h"

namespace dynpgext::supervision {
namespace {

// A file that is still being written must not be read.
constexpr std::chrono::seconds settling(1);
// After this time, the process that tries the file has failed.
constexpr std::chrono::seconds trial_patience(10);

bool start_trial() {
  return pg::start_process({.name = "dynpgext trial",
                            .type = "dynpgext trial",
                            .function = "dynpgext_trial_main",
                            .flags = BGWORKER_SHMEM_ACCESS});
}

void run_trial() {
  pg::handle_signals_politely();
  if (pg::is_served_by_other())
    return pg::log(WARNING,
                   std::string("the library of dynpgext version ") + pg::own_version() +
                       " needs another layout of the shared memory",
                   "The library that made the memory serves in all processes until the server "
                   "is restarted.");
  state::shared &s = state::attach();
  const state::exclusive lock(s);
  s.root->proven_build = pg::own_build();
  state::wake_launcher_locked(s);
}

}  // namespace

bool replacement::is_due(state::shared &s, pg::moment now) {
  if (state::preloaded()) return false;
  const pg::library_build file = pg::installed_build();
  if (!file.is_known() || file == pg::own_build()) {
    seen_ = {};
    return false;
  }
  if (file != std::exchange(seen_, file)) seen_at_ = now;
  if (now - seen_at_ < settling) return false;
  {
    const state::reading lock(s);
    if (s.root->proven_build == file) return true;
  }
  if (file != tried_) {
    if (!start_trial()) return false;  // no slot is free
    tried_ = file;
    tried_at_ = now;
    warned_ = false;
  } else if (now - tried_at_ >= trial_patience && !std::exchange(warned_, true)) {
    pg::log(WARNING,
            std::string("the library \"") + pg::installed_file() +
                "\" has been replaced by one that cannot be used on the running server",
            "The launcher and all running processes continue with their library. The log has the "
            "reason. Install another library, or restart the server.");
  }
  return false;
}

}  // namespace dynpgext::supervision

// Not in the library that serves: the question is whether this one can.
extern "C" {
PGDLLEXPORT void dynpgext_trial_main(Datum);
}

void dynpgext_trial_main(Datum) {
  dynpgext::pg::entry([] { dynpgext::supervision::run_trial(); });
}
