#include "shared/runs.h"

#include "shared/ring.h"
#include "shared/text.h"

namespace dynpgext::state {
namespace {

// Commands whose names have the same hash share a part.
uint32 run_part(const run_entry &run) {
  const auto hash = [](const auto &text) {
    return hash_bytes(reinterpret_cast<const unsigned char *>(text.bytes), sizeof text.bytes);
  };
  return hash_combine(hash(run.extension), hash(run.worker));
}

ring<run_log, run_part> runs_of(const shared &s) { return {s, &root::runs}; }

}  // namespace

void keep_runs(shared &s, uint32 capacity) {
  runs_of(s).resize(capacity, "runs", "dynpgext.max_runs");
}

void record(const shared &s, const worker_entry &worker, const ended_run &run) {
  run_entry entry{run.began_at,
                  worker.key.home,
                  worker.source,
                  worker.key.extension,
                  worker.key.name,
                  run.duration,
                  run.end,
                  {},
                  {}};
  assign(entry.error, run.error);
  if (run_entry *kept = runs_of(s).add(entry.home, run_part(entry))) *kept = entry;
}

void retire_runs(const shared &s, Oid database) { runs_of(s).retire(database); }

std::vector<run_entry> runs(const shared &s, Oid database) {
  return runs_of(s).those(
      [database](const run_entry &r) { return !OidIsValid(r.home) || r.home == database; });
}

const char *name_of(run_end end) {
  switch (end) {
    case run_end::succeeded: return "succeeded";
    case run_end::failed: return "failed";
    case run_end::canceled: return "canceled";
  }
  return "";
}

}  // namespace dynpgext::state
