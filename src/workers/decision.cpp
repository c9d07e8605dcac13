#include "workers/decision.h"

#include "pg/settings.h"
#include "workers/workers.h"

namespace dynpgext::state {

model::circumstances circumstances(bool retry_failed) {
  return {.in_recovery = RecoveryInProgress(),
          .safe_mode = pg::settings::safe_mode(),
          .retry_failed = retry_failed,
          .start_after_recovery = BgWorkerStart_RecoveryFinished,
          .time = pg::moment::now().microseconds};
}

decision decide(const shared &s, Oid database, const model::circumstances &now) {
  decision d{look(s, {.database = database}), {}};
  if (now.replace_stale) mark_stale(s, database, d.seen.live.workers);
  d.actions = model::reconcile(database, d.seen.desired, d.seen.live, now);
  return d;
}

decision decide_workers(const shared &s, Oid database, const global_names *also,
                        bool retry_failed) {
  decision d{look(s, {.database = database, .also = also, .memory = false}), {}};
  model::circumstances now = circumstances(retry_failed);
  now.workers_only = true;
  d.actions = model::reconcile(database, d.seen.desired, d.seen.live, now);
  return d;
}

void mark_stale(const shared &s, Oid database, std::vector<model::live_worker> &workers) {
  // reads file attributes, so the lock must not be held
  for (model::live_worker &w : workers) {
    if ((w.home != database && w.home != model::no_database) || !model::is_active(w.state))
      continue;
    if (w.definition.hosted) continue;  // its runner checks the file between two commands
    const auto file = loaded_file(s, {w.home, w.definition.extension, w.definition.name});
    // without a file, a new process could not start
    const bool is_there = file && (file->file.empty() ||
                                   pg::identify_file(file->file.c_str()) != pg::file_identity{});
    w.stale = is_there && is_stale(*file);
  }
}

void settle(shared &s, const publication &published) {
  settle_allocations(s, published.database(), published.touched());
  settle_workers(s, published.touched());
}

}  // namespace dynpgext::state
