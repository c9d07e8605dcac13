#include "supervision/launcher.h"

#include "pg/settings.h"

namespace dynpgext::supervision {
namespace {

// While a process is on its way out, its end is looked for this often.
constexpr long dying_naptime_milliseconds = 10;

void on_exit(int, Datum) {
  pg::begin_exit();
  (void)pg::swallow("ending the launcher", [] {
    state::shared *s = state::attached();
    if (s == nullptr) return;
    const state::exclusive lock(*s);
    if (s->root->launcher != MyProcPid) return;
    s->root->launcher = 0;
    s->root->launcher_latch = nullptr;
  });
}

// There is one launcher: false when another one is at work.
bool take_office(state::shared &s) {
  {
    const state::exclusive lock(s);
    if (s.root->launcher != 0 && s.root->launcher != MyProcPid &&
        pg::process_exists(s.root->launcher))
      return false;
    s.root->launcher = MyProcPid;
    s.root->launcher_latch = MyLatch;
    s.root->launcher_starter = 0;
    // visits that an earlier launcher had under way are made again
    for (state::database_entry *entry : s.databases.entries())
      if (!entry->provisioned) entry->visited = false;
  }
  pg::call([] { before_shmem_exit(on_exit, 0); });
  return true;
}

// Without preload, and with no database that has dynpgext, there is nothing to launch.
bool may_retire(state::shared &s) {
  if (state::preloaded()) return false;
  const state::exclusive lock(s);
  for (const state::database_entry *entry : s.databases.entries())
    if (entry->present || !entry->visited || entry->prepared_count > 0) return false;
  if (!s.workers.entries().empty()) return false;
  s.root->launcher = 0;
  s.root->launcher_latch = nullptr;
  return true;
}

void run() {
  pg::handle_signals_politely();
  pg::call([] { BackgroundWorkerInitializeConnection(nullptr, nullptr, 0); });
  state::shared &s = state::attach();
  if (!take_office(s)) return;
  visits visits(s);
  TimestampTz last_look = 0;
  while (!pg::asked_to_exit()) {
    pg::reload_configuration_if_asked();
    const bool dying = state::bury(s);
    // what nobody tells of is looked for every naptime, not whenever something else wakes it
    const TimestampTz now = GetCurrentTimestamp();
    if (now - last_look >= pg::settings::naptime_milliseconds() * 1000) {
      follow_databases(s);
      follow_prepared_transactions(s);
      last_look = now;
    }
    const bool visiting = visits.advance();
    state::decision d = state::decide_workers(s, model::every_database);
    // databases come first: workers would take the slots that their visits need
    if (visits.is_starved())
      std::erase_if(d.actions,
                    [](const model::action &a) { return a.kind == model::action_kind::start; });
    state::carry_out(s, d);
    if (!visiting && may_retire(s)) return;
    pg::wait_for_latch(dying ? dying_naptime_milliseconds : pg::settings::naptime_milliseconds());
  }
  // Not 0, which would tell the postmaster that no launcher is needed any more.
  proc_exit(1);
}

}  // namespace
}  // namespace dynpgext::supervision

extern "C" {
PGDLLEXPORT void dynpgext_launcher_main(Datum);
}

void dynpgext_launcher_main(Datum) {
  dynpgext::pg::entry([] { dynpgext::supervision::run(); });
}
