#include "launcher/launcher.h"

#include <set>

#include "guard/guard.h"
#include "launcher/late_ends.h"
#include "launcher/replacement.h"
#include "model/turns.h"
#include "pg/announcement.h"
#include "pg/fault.h"
#include "pg/own_library.h"
#include "pg/serving.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "shared/attention.h"
#include "shared/comparisons.h"
#include "shared/events.h"
#include "shared/pauses.h"
#include "shared/restores.h"
#include "shared/runners.h"
#include "shared/runs.h"
#include "shared/versions.h"
#include "shared/worker_identity.h"
#include "workers/barriers.h"
#include "workers/database_commands.h"
#include "workers/decision.h"
#include "workers/delays.h"
#include "workers/extension_commands.h"
#include "workers/launcher_start.h"
#include "workers/places.h"
#include "workers/preparation.h"
#include "workers/runner.h"
#include "workers/watch.h"

namespace dynpgext::supervision {
namespace {

// Time between checks while a process is exiting, or a slot is about to become free.
constexpr long short_naptime_milliseconds = 10;
constexpr std::chrono::milliseconds slot_patience(200);
// Time between checks for commands on databases that our processes block.
constexpr long command_naptime_milliseconds = 700;
constexpr long busy_command_naptime_milliseconds = 100;
constexpr long standby_naptime_milliseconds = 250;
// How long the launcher spends on databases before it does its other work, and how long on one of
// them: databases with thousands of workers are handled in parts.
constexpr std::chrono::milliseconds round_patience(100);
constexpr std::chrono::milliseconds turn_patience(50);
// These shares keep the cost low: after a sweep, or a retry of waiting workers, the next one comes
// after so many times its duration.
constexpr int sweep_share = 4000;
constexpr int retry_share = 20;
// Time between checks whether a restore is over.
constexpr long restore_naptime_milliseconds = 250;
// How long a successor with another file waits for a quiet moment.
constexpr std::chrono::seconds quiet_patience(10);

void on_exit(int, Datum) {
  pg::begin_exit();
  (void)pg::swallow("ending the launcher", [] {
    if (state::shared *s = state::attached()) state::leave_launcher_office(*s);
  });
}

// Another process has terminated the launcher, and it is still needed: requests its successor
// itself.  The postmaster would restart it after a second, but by the wall clock, which may be set
// back by hours meanwhile.  True if a successor starts; then this launcher's registration with the
// postmaster must end.
bool hand_over(state::shared &s) {
  state::unguard_launcher();  // the successor's record is the evidence
  state::leave_launcher_office(s);
  bool comes = false;
  (void)pg::swallow("handing over", [&comes] { comes = state::start_launcher_process(false); });
  if (!comes) state::guard_launcher();
  return comes;
}

// Only one launcher may work: false if another one does.  Then this one ends with 0, so that the
// postmaster forgets it: it may have been due for a restart when its successor had already started.
bool take_office(state::shared &s) {
  {
    const state::exclusive lock(s);
    if (s.root->launcher != 0 && s.root->launcher != MyProcPid &&
        pg::process_exists(s.root->launcher))
      return false;
    s.root->launcher = MyProcPid;
    s.root->launcher_latch = MyLatch;
    s.root->launcher_starter = 0;
    // Repeats the unfinished visits of an earlier launcher.  On a standby, repeats all:
    // announcements of the primary may have been missed.
    for (state::database_entry *entry : s.databases.entries())
      if (!entry->provisioned || RecoveryInProgress()) entry->visited = false;
  }
  state::note_launcher_library(s);
  return true;
}

// Without preload, and with no database that has dynpgext, there is nothing to launch.
bool may_retire(state::shared &s) {
  if (state::preloaded()) return false;
  const state::exclusive lock(s);
  for (const state::database_entry *entry : s.databases.entries())
    if (entry->present || !entry->visited || entry->prepared_count > 0) return false;
  if (!s.workers.is_empty()) return false;
  s.root->launcher = 0;
  s.root->launcher_latch = nullptr;
  s.root->launcher_starter = 0;  // no launcher is missing
  return true;
}

void report(const state::watch_result &seen) {
  for (const state::watch_result::late_end &late : seen.late)
    late.stuck ? report_stuck({name_of(late.id), late.pid, late.id.home, late.runs_sql})
               : report_overdue({name_of(late.id), late.pid, late.id.home, late.runs_sql},
                                pg::settings::stop_timeout_milliseconds());
  for (const state::watch_result::silence &silent : seen.silent)
    pg::log(WARNING,
            name_of(silent.id) + " has sent no heartbeat for " + std::to_string(silent.deadline) +
                " ms",
            silent.terminated ? "It is stopped and restarted."
                              : "It is not restarted: its restart policy is \"never\".");
}

void report(const state::barrier_watch &seen) {
  for (const state::worker_identity &id : seen.slow)
    pg::log(WARNING,
            name_of(id) + " blocks commands that wait for all processes to serve interrupts",
            "It is stopped and started again. Its code needs CHECK_FOR_INTERRUPTS() or "
            "dynpgext_worker_wait() in its loop.");
}

// Commands that may never end.
void report_delays(state::shared &s) {
  const std::chrono::milliseconds limit(pg::settings::delay_warning_milliseconds());
  const auto text = [](pg::duration d) { return std::to_string(d.count() / 1000) + " ms"; };
  for (const state::delaying_run &run : state::find_delaying(s, limit))
    pg::log(
        WARNING,
        "SQL worker \"" + run.id.name + "\" of extension \"" + run.id.extension + "\" (PID " +
            std::to_string(run.pid) + ") has run for " + text(pg::moment::now() - run.began) +
            " and delays " + state::others(run.others.count) + " for up to " +
            text(run.others.longest) + ": " + run.others.names,
        "Give it a process of its own (\"process\": \"own\") or a deadline, or end the run with "
        "dynpgext.stop_worker().");
}

// Copies settings into shared memory, for processes that do not read them.
void apply_settings(state::shared &s) {
  (void)pg::tolerate(
      "making room for events", [&s] { state::keep_events(s, pg::settings::max_events()); },
      nullptr);
  (void)pg::tolerate(
      "making room for runs", [&s] { state::keep_runs(s, pg::settings::max_runs()); }, nullptr);
  // for memory that memory_limit does not count: unused space, and dynpgext's own tables
  constexpr uint64 beside = uint64{1} << 30;
  const uint64 limit = pg::settings::memory_limit_bytes();
  pg::limit_area(s.area, limit > (SIZE_MAX - beside) / 2 ? SIZE_MAX : 2 * limit + beside);
  static constinit bool was_safe = false;
  const bool safe_mode_is_over = std::exchange(was_safe, pg::settings::safe_mode()) && !was_safe;
  const state::exclusive lock(s);
  if (safe_mode_is_over)  // visits host what was not hosted meanwhile
    for (state::database_entry *entry : s.databases.entries()) entry->visited = false;
  s.root->longest_delay = pg::settings::restart_delay_max_milliseconds();
  s.root->worker_limit = pg::settings::max_database_workers();
  s.root->owner_limit = pg::settings::max_owner_workers();
}

// For processes started until the restart of the server: the file may be replaced before that.  If
// the library is preloaded, each process inherits it.
void keep_library() {
  if (state::preloaded()) return;
  (void)pg::swallow(
      "keeping the library", [] { pg::keep_own_library(state::layout_version); },
      "An installation of another version of dynpgext may need a restart of the server.");
}

class loop {
 public:
  explicit loop(state::shared &s) : shared_(s), visits_(s) {}

  // In the next round, handles everything.
  void look_at_once() {
    replacement_.try_again();
    last_look_ = {};
    next_sweep_ = next_retry_ = {};
    databases_.read_next();
    const state::exclusive lock(shared_);
    state::attend_all(shared_);
  }

  // One round; returns the wait before the next in milliseconds, or nothing if there is nothing to
  // launch.
  std::optional<long> round() {
    state::recall_pauses(shared_);
    state::look_for_lost_processes(shared_);
    if (std::exchange(in_recovery_, RecoveryInProgress()) != in_recovery_) look_at_once();
    const pg::moment now = pg::moment::now();
    const bool commands = meet_commands(now);
    // after it: a finished command may have dropped its database
    if (!look_around(now) && are_slots_kept()) look_after_others();
    restores_ = state::follow_restores(shared_);
    const bool visiting = visits_.advance();
    if (std::exchange(looks_for_slot_, false)) attend_waiting();
    const state::attention attention = state::take_attention(shared_);
    const bool orphans_are_due = orphans_again_at_.is_set() && orphans_again_at_ <= now;
    wants_visit_ = no_slots_ = false;
    look_at(with_put_off(attention.databases));
    if (attention.orphans || orphans_are_due) look_at_orphans();
    if (!visiting && !looks_after_others_ && may_retire(shared_)) return std::nullopt;
    wants_successor_ = is_to_be_replaced(visiting || commands || wants_visit_);
    if (wants_visit_ || !put_off_.empty()) return 0;
    return nap(commands, visiting);
  }

  // Another file of the library has been installed.
  [[nodiscard]] bool wants_successor() const { return wants_successor_; }

 private:
  bool is_to_be_replaced(bool busy) {
    const pg::moment now = pg::moment::now();
    if (!replacement_.is_due(shared_, now)) {
      replaced_since_ = {};
      return false;
    }
    if (!replaced_since_.is_set()) replaced_since_ = now;
    return !busy || now - replaced_since_ >= quiet_patience;
  }

  using marked = state::attention::marked;

  // Adds the databases that were put off, except those marked again meanwhile.
  [[nodiscard]] std::vector<marked> with_put_off(std::vector<marked> databases) {
    if (put_off_.empty()) return databases;
    std::set<Oid> known;
    for (const marked &m : databases) known.insert(m.database);
    for (const marked &m : std::exchange(put_off_, {}))
      if (known.count(m.database) == 0) databases.push_back(m);
    std::stable_sort(databases.begin(), databases.end(),
                     [](const marked &a, const marked &b) { return a.since < b.since; });
    return databases;
  }

  // Does not mark a database that only waits: marking stands for a change.
  void put_off(const marked &m) {
    if (m.only_waits) {
      put_off_.push_back(m);
      return;
    }
    const state::exclusive lock(shared_);
    state::attend(shared_, m.database, m.since);
  }

  // Handles as many as time allows; the others come first in the next round.
  void look_at(std::vector<marked> databases) {
    turns_.order(databases);
    const pg::moment begin = pg::moment::now();
    const pg::moment end = begin + round_patience;
    pg::duration of_waiting{};
    bool all = true;
    for (const marked &m : databases) {
      const pg::moment began = pg::moment::now();
      if (const pg::moment next{turns_.next(m.database, began.microseconds)}; next.is_set()) {
        state::set_due_by(shared_, m.database, next);
        continue;
      }
      if (began >= end) {
        all = false;
        put_off(m);
        continue;
      }
      if (m.only_waits && waits_in_vain(m)) continue;
      (void)look_at(m.database);
      const pg::duration took = pg::moment::now() - began;
      turns_.note(m.database, began.microseconds, took.count());
      if (m.only_waits) of_waiting += took;
      if (m.database == sweeping_) {
        next_sweep_ = began + sweep_share * took;
        sweeping_ = InvalidOid;
      }
    }
    if (of_waiting > pg::duration::zero()) next_retry_ = begin + retry_share * of_waiting;
    if (all) turns_.end();
  }

  // There is no place for its workers: workers that have waited longer have taken all.
  [[nodiscard]] bool waits_in_vain(const marked &m) const {
    if (no_slots_) return true;
    if (!m.waits_for_runner) return false;
    const state::reading lock(shared_);
    if (state::are_runners_full(shared_)) return true;
    return state::full(shared_, m.database) != state::waiting_for::nothing &&
           !state::has_some_runner(shared_, m.database);
  }

  // Handles the workers of a database, and notes when it is due next.  Returns whether any process
  // there is exiting.
  bool look_at(Oid database) {
    const state::burial burial = state::bury(shared_, database);
    DYNPGEXT_FAULT_POINT("launcher.buried");
    const pg::moment decided_at = pg::moment::now();
    if (burial.buried) slot_freed_at_ = decided_at;
    state::decision d = state::decide_workers(shared_, database);
    // databases come first: workers would take the slots that their visits need
    const auto starts = [](const model::action &a) { return a.kind == model::action_kind::start; };
    const bool put_off = visits_.is_starved() && std::erase_if(d.actions, starts) > 0;
    const state::outcome done = state::carry_out(
        shared_, d, {.no_slots = no_slots_, .end = pg::moment::now() + turn_patience});
    no_slots_ = done.no_slots;
    wants_visit_ = wants_visit_ || done.wants_visit;
    DYNPGEXT_FAULT_POINT("launcher.carried_out");
    const state::watch_result seen =
        state::watch(shared_, database, pg::settings::stop_timeout_milliseconds(), decided_at);
    report(seen);
    if (!done.is_over)
      attend(database);
    else if (burial.dying)
      state::set_due_by(shared_, database, after(short_naptime_milliseconds));
    else if (put_off || done.has_tried)
      state::set_due_by(shared_, database, after(naptime()));
    return burial.dying;
  }

  // Workers of a dropped database, until their processes have gone.
  void look_at_orphans() {
    orphans_again_at_ = {};
    std::set<Oid> lists;
    {
      const state::reading lock(shared_);
      for (const state::worker_entry *entry : shared_.workers.entries())
        if (OidIsValid(entry->links.list) && shared_.databases.find({entry->links.list}) == nullptr)
          lists.insert(entry->links.list);
    }
    bool dying = false;
    for (const Oid list : lists) dying = look_at(list) || dying;
    if (!lists.empty()) orphans_again_at_ = after(dying ? short_naptime_milliseconds : naptime());
  }

  [[nodiscard]] bool are_slots_kept() const {
    const state::reading lock(shared_);
    return prepared_by.keeps_slots != nullptr && prepared_by.keeps_slots(shared_);
  }

  void attend(Oid database) {
    const state::exclusive lock(shared_);
    state::attend(shared_, database);
  }

  void attend_waiting() {
    const state::exclusive lock(shared_);
    state::attend_waiting(shared_);
  }

  [[nodiscard]] static pg::moment after(long milliseconds) {
    return pg::moment::now() + std::chrono::milliseconds(milliseconds);
  }

  // Checks without a notification: every naptime, not whenever something else wakes the launcher.
  // True if that was now.
  bool look_around(pg::moment now) {
    const bool asked = asked_to_look();
    if (!asked && !is_due(last_look_, naptime(), now)) return false;
    if (asked) databases_.read_next();
    databases_.follow(shared_, now);
    follow_replay(shared_);
    follow_prepared_transactions(shared_);
    state::follow_pauses(shared_);
    state::follow_older(shared_);
    follow_failures(shared_);
    report_delays(shared_);
    look_after_others();
    last_look_ = now;
    const state::exclusive lock(shared_);
    if (next_retry_ <= now) state::attend_waiting(shared_);
    if (now < next_sweep_) return true;
    // in case something was missed: one database after the other
    swept_ = state::next_database(shared_, swept_);
    sweeping_ = swept_;
    if (OidIsValid(swept_)) state::attend(shared_, swept_);
    return true;
  }

  void look_after_others() {
    if (prepared_by.look != nullptr) looks_after_others_ = prepared_by.look(shared_);
  }

  [[nodiscard]] static bool is_due(pg::moment last, long naptime, pg::moment now) {
    return !last.is_set() || now - last >= std::chrono::milliseconds(naptime);
  }

  // A standby must notice its promotion soon.
  [[nodiscard]] static long naptime() {
    const long set = pg::settings::naptime_milliseconds();
    return RecoveryInProgress() ? std::min(set, standby_naptime_milliseconds) : set;
  }

  bool asked_to_look() {
    const state::exclusive lock(shared_);
    return std::exchange(shared_.root->look_soon, false);
  }

  // The server waits five seconds for processes in the way of a command, then gives up.
  bool meet_commands(pg::moment now) {
    if (!is_due(last_commands_, command_naptime(), now)) return commands_;
    last_commands_ = now;
    const state::barrier_watch barriers = state::watch_barriers(shared_);
    report(barriers);
    commands_ = state::meet_commands(shared_) || barriers.awaited;
    return commands_;
  }
  [[nodiscard]] long command_naptime() const {
    return commands_ ? busy_command_naptime_milliseconds : command_naptime_milliseconds;
  }

  [[nodiscard]] long nap(bool commands, bool visiting) {
    const pg::moment now = pg::moment::now();
    const state::outlook next = state::look_ahead(shared_);
    long milliseconds = naptime();
    if (commands || visiting || are_slots_kept() || state::somebody_runs(shared_))
      milliseconds = std::min(milliseconds, command_naptime());
    if (restores_) milliseconds = std::min(milliseconds, restore_naptime_milliseconds);
    // the postmaster frees a slot a moment after the process has gone
    const bool slot_is_coming = next.somebody_waits && now - slot_freed_at_ < slot_patience;
    if (slot_is_coming) {
      milliseconds = std::min(milliseconds, short_naptime_milliseconds);
      looks_for_slot_ = true;
    }
    if (orphans_again_at_.is_set())
      milliseconds = std::min(milliseconds, pg::milliseconds_until(orphans_again_at_));
    return std::min(milliseconds, pg::milliseconds_until(next.due));
  }

  state::shared &shared_;
  visits visits_;
  pg::moment last_look_{};
  pg::moment slot_freed_at_{};
  pg::moment last_commands_{};
  bool in_recovery_ = RecoveryInProgress();  // decides everywhere which workers run
  pg::moment orphans_again_at_{};
  Oid swept_ = InvalidOid;     // the last one; the next sweep begins after it
  Oid sweeping_ = InvalidOid;  // the same until it has been handled
  pg::moment next_sweep_{};
  pg::moment next_retry_{};  // of waiting workers, even if no place is known to be free
  std::vector<marked> put_off_;
  model::turns turns_{std::chrono::microseconds(turn_patience).count()};
  databases_follower databases_;
  replacement replacement_;
  pg::moment replaced_since_{};
  bool wants_successor_ = false;
  bool looks_for_slot_ = false;      // one is about to become free
  bool no_slots_ = false;            // in this round
  bool wants_visit_ = false;         // the same
  bool restores_ = false;            // one is in progress
  bool commands_ = false;            // one was in progress at the last check
  bool looks_after_others_ = false;  // at the last check
};

void run() {
  pg::handle_signals_politely();
  pg::call([] { BackgroundWorkerInitializeConnection(nullptr, nullptr, 0); });
  state::shared &s = state::attach();
  if (!take_office(s)) return;
  pg::call([] { before_shmem_exit(on_exit, 0); });
  DYNPGEXT_FAULT_POINT("launcher.in_office");
  state::guard_launcher();
  keep_library();
  pg::listen_to_announcements();
  apply_settings(s);
  loop loop(s);
  loop.look_at_once();
  // of one round: results of server functions
  pg::scratch_memory memory;
  while (!pg::asked_to_exit()) {
    memory.reset();
    if (pg::reload_configuration_if_asked()) {
      apply_settings(s);
      loop.look_at_once();
    }
    const std::optional<long> nap = loop.round();
    if (!nap) return state::unguard_launcher();
    if (loop.wants_successor()) {
      pg::log(LOG, "the launcher continues with the newly installed library");
      break;
    }
    pg::wait_for_latch(*nap, pg::wait::launcher);
  }
  if (pg::is_server_ending())
    see_off(s);
  else if (hand_over(s))
    proc_exit(0);
  // No slot is free for a successor: the postmaster restarts the launcher in its own slot.  Not 0,
  // which would tell the postmaster that no launcher is needed any more.
  proc_exit(1);
}

}  // namespace
}  // namespace dynpgext::supervision

DYNPGEXT_PROCESS_FUNCTION(dynpgext_launcher_main) {
  dynpgext::pg::entry([] { dynpgext::supervision::run(); });
}
