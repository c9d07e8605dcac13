// Prints docs/worker-states.md: the table of a worker's transitions, and the meanings of its words.
// A word without a meaning does not compile: no switch has a default.
#include <cstdio>
#include <string>
#include <string_view>

#include "model/state.h"

namespace {

using namespace dynpgext::model;

constexpr std::string_view introduction = R"(# States of a worker

`script/state-diagram` prints this page from the table in `src/model/state.cpp`, and from the meanings
in `tools/state_diagram.cpp`. An event without an arrow from the present state changes nothing. What to
do about a state is in [Workers](workers.md#troubleshooting).

)";

const char *
meaning_of(worker_state state) {
  switch (state) {
  case worker_state::registered:
    return "Registered and not started yet, or about to start anew.";
  case worker_state::starting:
    return "A process is being requested from the postmaster.";
  case worker_state::running:
    return "Its process has reported.";
  case worker_state::stopping:
    return "Its process has been signalled, and has not ended yet.";
  case worker_state::stopped:
    return "It has ended with exit code 0, or somebody has stopped it.";
  case worker_state::failed:
    return "It has ended in another way, and its policy does not restart it.";
  case worker_state::backoff:
    return "It has ended, and its restart is due at `next_start_at`.";
  case worker_state::waiting:
    return "It wants to run, but no slot is free, a limit on the number of workers is reached, "
           "the server is a standby (or a primary) and the worker is not for it, or a command "
           "such as DROP DATABASE has its database to itself.";
  case worker_state::disabled:
    return "The DBA has switched it off with `configure_worker()`.";
  case worker_state::quarantined:
    return "The crash guard keeps it from starting until `release()`.";
  case worker_state::unresponsive:
    return "Its process runs, but has sent no heartbeat within its deadline.";
  }
  return nullptr;
}

const char *
meaning_of(worker_event event) {
  switch (event) {
  case worker_event::resume:
    return "An SQL worker without a process, because it was not due for long, is due.";
  case worker_event::start:
    return "A process claims the start and requests a process from the postmaster.";
  case worker_event::no_slot:
    return "The postmaster had no free slot, or a limit on the number of workers is reached.";
  case worker_event::postpone:
    return "The worker is not for this kind of server, or a command has its database to itself.";
  case worker_event::come_up:
    return "Its process reports.";
  case worker_event::lost:
    return "The start has produced no process.";
  case worker_event::stop:
    return "Somebody stops it, or keeps it from starting.";
  case worker_event::exit_ok:
    return "The process has ended with exit code 0.";
  case worker_event::exit_fault:
    return "The process has ended in another way. In `stopping` that is no fault.";
  case worker_event::reset:
    return "It starts anew: its definition has changed, or it has been enabled or released.";
  case worker_event::back_off:
    return "It has ended, and will be restarted after a delay.";
  case worker_event::give_up:
    return "A restart that was due is cancelled.";
  case worker_event::disable:
    return "The DBA has switched it off, and its process is gone.";
  case worker_event::quarantine:
    return "The crash guard has quarantined it, and its process is gone.";
  case worker_event::fall_silent:
    return "No heartbeat has come within its deadline.";
  case worker_event::recover:
    return "A late heartbeat has come.";
  }
  return nullptr;
}

// One row for each value; the first value without a meaning is behind the last.
template <class Value>
std::string
table_of(const char *what) {
  std::string text = std::string("\n| ") + what + " | meaning |\n|---|---|\n";
  for (int i = 0;; ++i) {
    const auto value = static_cast<Value>(i);
    const char *meaning = meaning_of(value);
    if (meaning == nullptr)
      return text;
    text.append("| ").append(name_of(value)).append(" | ").append(meaning).append(" |\n");
  }
}

} // namespace

int
main() {
  std::string page(introduction);
  page.append("```mermaid\n").append(worker_state_diagram()).append("```\n");
  page.append(table_of<worker_state>("state")).append(table_of<worker_event>("event"));
  return std::fputs(page.c_str(), stdout) < 0 || std::fflush(stdout) != 0;
}
