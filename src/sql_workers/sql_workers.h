// The SQL workers that this process serves: what they run, and when.
//
// A command runs right after its start, and then at its interval, at a fixed rate: a late run is
// not made up for.  With a channel it also runs when notified; several notifications before it runs
// are one.  Of those that are due, the one that has been for longest is first, so none starves.
#pragma once

#include <set>

#include "model/command.h"
#include "workers/runner.h"

namespace dynpgext::supervision {

class sql_workers {
 public:
  sql_workers(state::shared &s, const state::runner_key &runner) : shared_(s), runner_(runner) {}

  // Forgets what has been ended, and takes what is starting.
  void follow();
  // Whatever has been notified is due.
  void hear();
  // Runs the command that is due, if one is.  stale: in this process it must not, see
  // pg::command_end.
  enum class outcome { none, ran, stale };
  outcome run_one();
  [[nodiscard]] bool empty() const { return workers_.empty(); }
  // After how long without a run the process may end, its workers at rest: when the next one is not
  // due for as long as that.  Nothing: not before something happens, for one may be notified.
  // `runner_wanted`: by others, so it is to end sooner.
  [[nodiscard]] std::optional<std::chrono::milliseconds> idle_timeout(bool runner_wanted) const;
  // Does one listen, which would not be told of a notification at rest?
  [[nodiscard]] bool listens() const;
  // Of each, when it is due, as state::rest() needs it: by its interval, if it has one.
  [[nodiscard]] state::due_starts due() const;
  // When the next one is due: milliseconds from now; -1: not before something else happens.
  [[nodiscard]] long nap() const;

 private:
  struct worker {
    state::worker_start start;
    model::command command;                    // with the interval that it runs at
    int64 registered_interval = 0;             // milliseconds
    pg::moment next_at = pg::moment::never();  // by its interval
    // or somebody waits for a run; since its last one
    pg::moment notified_at = pg::moment::never();
    bool is_news = false;  // shared memory does not have it yet, see state::begin_command()

    [[nodiscard]] pg::moment due_at() const { return std::min(next_at, notified_at); }
    void notify(pg::moment at) {
      if (at >= notified_at) return;
      notified_at = at;
      is_news = true;
    }
  };

  void take_starts();
  void follow_interval(worker &w, int64 run_interval);
  void take_requests();
  void keep_channels();
  [[nodiscard]] bool is_deaf() const;  // a standby hears nothing
  enum class after_run { goes_on, ends, stale };
  after_run run(worker &w);
  std::vector<state::notified_start> take_notified(const worker &but);
  static void report_delay(const worker &w, const state::held_up &delayed);

  state::shared &shared_;
  state::runner_key runner_;
  std::vector<worker> workers_;
  std::set<std::string> channels_;  // that are listened on
};

}  // namespace dynpgext::supervision
