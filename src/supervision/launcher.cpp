#include "supervision/launcher.h"

#include "pg/settings.h"
#include "state/events.h"
#include "state/guard.h"
#include "state/watch.h"

namespace dynpgext::supervision {
namespace {

// While a process is on its way out, or a slot is about to be free, it is looked for this often.
constexpr long short_naptime_milliseconds = 10;
constexpr int64 slot_patience_microseconds = 200000;

std::string name_of(const state::worker_identity &id) {
  return "background worker \"" + id.name + "\" of extension \"" + id.extension + "\"";
}

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

void report(const state::watch_result &seen) {
  for (const state::worker_identity &id : seen.overdue)
    pg::log(WARNING,
            name_of(id) + " was told to end, and has not within " +
                std::to_string(pg::settings::stop_timeout_milliseconds()) + " ms",
            "Its code does not serve interrupts: it needs CHECK_FOR_INTERRUPTS() or "
            "dynpgext_worker_wait() in its loop.");
  for (const state::watch_result::silence &silent : seen.silent)
    pg::log(WARNING,
            name_of(silent.id) + " has sent no heartbeat for " + std::to_string(silent.deadline) +
                " ms",
            silent.terminated ? "It is told to end, and restarted."
                              : "It is not restarted: its restart policy is \"never\".");
}

// What the settings say is known to processes that do not read them, too.
void apply_settings(state::shared &s) {
  (void)pg::swallow(
      "making room for events", [&s] { state::keep_events(s, pg::settings::max_events()); },
      nullptr);
  const state::exclusive lock(s);
  s.root->longest_delay = pg::settings::restart_delay_max_milliseconds();
}

class loop {
 public:
  explicit loop(state::shared &s) : shared_(s), visits_(s) {}

  // One round; returns how long to wait before the next, in milliseconds, or nothing when there
  // is nothing to launch.
  std::optional<long> round() {
    const state::burial burial = state::bury(shared_);
    const TimestampTz now = GetCurrentTimestamp();
    if (burial.buried) slot_freed_at_ = now;
    look_around(now);
    const bool visiting = visits_.advance();
    const TimestampTz decided_at = GetCurrentTimestamp();
    state::decision d = state::decide_workers(shared_, model::every_database);
    // databases come first: workers would take the slots that their visits need
    if (visits_.is_starved())
      std::erase_if(d.actions,
                    [](const model::action &a) { return a.kind == model::action_kind::start; });
    const bool wants_visit = state::carry_out(shared_, d);
    const state::watch_result seen =
        state::watch(shared_, pg::settings::stop_timeout_milliseconds(), decided_at);
    report(seen);
    if (!visiting && may_retire(shared_)) return std::nullopt;
    if (wants_visit) return 0;
    return nap(burial.dying, seen);
  }

 private:
  // What nobody tells of is looked for every naptime, not whenever something else wakes it.
  void look_around(TimestampTz now) {
    if (now - last_look_ < pg::settings::naptime_milliseconds() * 1000) return;
    follow_databases(shared_);
    follow_prepared_transactions(shared_);
    follow_libraries(shared_);
    last_look_ = now;
  }

  [[nodiscard]] long nap(bool dying, const state::watch_result &seen) const {
    const TimestampTz now = GetCurrentTimestamp();
    long milliseconds = pg::settings::naptime_milliseconds();
    // the postmaster gives a slot back a moment after the process has gone
    const bool slot_is_coming =
        seen.somebody_waits && now - slot_freed_at_ < slot_patience_microseconds;
    if (dying || slot_is_coming) milliseconds = std::min(milliseconds, short_naptime_milliseconds);
    if (seen.look_again_at != DT_NOEND) {
      const int64 left = std::max<int64>(seen.look_again_at - now, 0);
      milliseconds = std::min(milliseconds, static_cast<long>((left + 999) / 1000));
    }
    return milliseconds;
  }

  state::shared &shared_;
  visits visits_;
  TimestampTz last_look_ = 0;
  TimestampTz slot_freed_at_ = 0;
};

void run() {
  pg::handle_signals_politely();
  pg::call([] { BackgroundWorkerInitializeConnection(nullptr, nullptr, 0); });
  state::shared &s = state::attach();
  if (!take_office(s)) return;
  state::guard_launcher();
  apply_settings(s);
  loop loop(s);
  while (!pg::asked_to_exit()) {
    if (pg::reload_configuration_if_asked()) apply_settings(s);
    const std::optional<long> nap = loop.round();
    if (!nap) return;
    pg::wait_for_latch(*nap);
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
