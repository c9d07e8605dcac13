#include "hosting/report.h"

#include "guard/quarantine.h"
#include "hosting/transaction.h"
#include "shared/text.h"

namespace dynpgext::hosting {
namespace {

int32 count_sessions(const block &b, const instance &i) {
  const auto place = static_cast<size_t>(&i - b.instances);
  int32 count = 0;
  for (uint32 n = 0; n < ProcGlobal->allProcCount; ++n) {
    const PGPROC &process = ProcGlobal->allProcs[n];
    if ((attached_by(b, process) >> place & 1) != 0 && pg::versions::is_session(process)) ++count;
  }
  return count;
}

std::string state_of(const instance &i) {
  switch (i.state) {
    case instance_state::asked: return "pending";
    case instance_state::hosted: return "hosted";
    default: return i.sqlstate == ERRCODE_FEATURE_NOT_SUPPORTED ? "refused" : "failed";
  }
}

bool is_shown(const instance &i) {
  return (i.owner == 0 || i.owner == MyProcPid) && !is_unhosted(i.number);
}

}  // namespace

std::vector<instance_report> report(state::shared &s) {
  std::vector<instance_report> all;
  std::vector<pg::file_identity> files;
  block *b = find_block(s);
  if (b == nullptr) return all;
  {
    const state::reading lock(s);
    for (const instance *i : in_order(*b)) {
      if (!is_shown(*i)) continue;
      const uint32 workers =
          i->static_workers +
          pg_atomic_read_u32(const_cast<pg_atomic_uint32 *>(&i->dynamic_workers));
      all.push_back({i->library.str(), i->database, i->source, i->position, state_of(*i),
                     i->error.str(), i->requested,
                     pg_atomic_read_u64(const_cast<pg_atomic_uint64 *>(&i->used)),
                     static_cast<int32>(workers), std::string(state::view(s, i->settings)),
                     count_sessions(*b, *i), false, i->hosted_at});
      files.push_back(i->file);
      const std::string why = state::quarantine_reason(s, i->database, i->library.view(), {});
      if (why.empty()) continue;
      all.back().state = "quarantined";
      all.back().error = why;
    }
  }
  // reads files: not under the lock
  for (size_t n = 0; n < all.size(); ++n)
    all[n].stale =
        files[n] != pg::file_identity{} &&
        pg::identify_file(pg::library_file("$libdir/" + all[n].library).c_str()) != files[n];
  return all;
}

}  // namespace dynpgext::hosting
