// The SQL workers that this process serves: their commands, and when these are due.
//
// A command runs right after its start (unless first_run delays it), and then at a fixed rate;
// missed runs are not repeated.  With a channel it also runs when notified; several notifications
// before a run count as one.  Of the due commands, the one due for longest runs first, so that none
// starves.
#pragma once

#include <set>

#include "model/command.h"
#include "workers/runner.h"

namespace dynpgext::supervision {

class sql_workers {
 public:
  sql_workers(state::shared &s, const state::runner_key &runner) : shared_(s), runner_(runner) {}

  // Drops ended workers, and takes starting ones.
  void follow();
  // Makes notified commands due.
  void hear();
  // Runs a due command, if there is one.  stale: this process must not run it, see pg::command_end.
  enum class outcome { none, ran, stale };
  outcome run_one();
  [[nodiscard]] bool empty() const { return workers_.empty(); }
  // The time without a run after which the process may end with its workers at rest, if no command
  // is due within that time.  Nothing: it must wait, because a command is due, a
  // notification may arrive, or dynpgext.runner_idle_timeout is -1.
  // `runner_wanted`: other workers wait for a place, so it should end sooner.
  [[nodiscard]] std::optional<std::chrono::milliseconds> idle_timeout(bool runner_wanted) const;
  // Does any worker listen?  At rest it would miss notifications.
  [[nodiscard]] bool listens() const;
  // When each worker is due, as state::rest() needs it: by its interval, if it has one.
  [[nodiscard]] state::due_starts due() const;
  // Milliseconds until the next command is due; -1: only an event can make one due.
  [[nodiscard]] long nap() const;

 private:
  struct worker {
    state::worker_start start;
    model::command command;                    // with its effective interval
    int64 registered_interval = 0;             // milliseconds
    pg::moment next_at = pg::moment::never();  // by its interval
    // notified, or requested by a session; since its last run
    pg::moment notified_at = pg::moment::never();
    bool is_unpublished = false;  // not yet in shared memory, see state::begin_command()

    [[nodiscard]] pg::moment due_at() const { return std::min(next_at, notified_at); }
    void notify(pg::moment at) {
      if (at >= notified_at) return;
      notified_at = at;
      is_unpublished = true;
    }
  };

  void take_starts();
  void follow_interval(worker &w, int64 run_interval);
  void take_requests();
  void keep_channels();
  [[nodiscard]] bool is_deaf() const;  // has channels, but is on a standby
  enum class after_run { goes_on, ends, stale };
  after_run run(worker &w);
  std::vector<state::notified_start> take_notified(const worker &but);
  static void report_delay(const worker &w, const state::held_up &delayed);

  state::shared &shared_;
  state::runner_key runner_;
  std::vector<worker> workers_;
  std::set<std::string> channels_;  // the process listens to them
};

}  // namespace dynpgext::supervision
