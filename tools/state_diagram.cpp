// Prints docs/worker-states.md: the table of a worker's transitions, and what its words mean.
// What has no meaning here does not compile: no switch has a default.
#include <cstdio>
#include <string>
#include <string_view>

#include "model/state.h"

namespace {

using namespace dynpgext::model;

constexpr std::string_view introduction = R"(# States of a worker

This page is printed from the table in `src/model/state.cpp` by `script/state-diagram`; change it
there, and in `tools/state_diagram.cpp`, which has the meanings. An event that has no arrow in the
state that a worker is in changes nothing.

)";

const char *
meaning_of(worker_state state) {
  switch (state) {
  case worker_state::registered:
    return "It is registered and has not been started, or is to be started anew.";
  case worker_state::starting:
    return "The postmaster has been asked for a process, or is about to be.";
  case worker_state::running:
    return "Its process has reported.";
  case worker_state::stopping:
    return "Its process has been told to end, and has not ended yet.";
  case worker_state::stopped:
    return "It has ended with exit 0, or has been told to end or not to start.";
  case worker_state::failed:
    return "It has ended in another way, and is not restarted.";
  case worker_state::backoff:
    return "It has ended, and its restart is due at `next_start_at`.";
  case worker_state::waiting:
    return "It wants to run, but no slot is free, a limit on the number of workers is reached, "
           "the server is a standby (or a primary) and the worker is not for it, or a command "
           "such as DROP DATABASE has its database to itself.";
  case worker_state::disabled:
    return "The DBA has switched it off with `configure_worker()`.";
  case worker_state::quarantined:
    return "The crash guard lets nobody start it, until `release()`.";
  case worker_state::unresponsive:
    return "Its process is there, but has sent no heartbeat within its deadline.";
  }
  return nullptr;
}

const char *
meaning_of(worker_event event) {
  switch (event) {
  case worker_event::resume:
    return "An SQL worker that had no process, for it was not due for long, is due.";
  case worker_event::start:
    return "Somebody claims the right to start it and asks the postmaster.";
  case worker_event::no_slot:
    return "The postmaster had no free slot, or a limit on the number of workers is reached.";
  case worker_event::postpone:
    return "The worker is not for this kind of server, or a command has its database to itself.";
  case worker_event::come_up:
    return "Its process reports.";
  case worker_event::lost:
    return "No process came of the start.";
  case worker_event::stop:
    return "It is told to end, or not to start.";
  case worker_event::exit_ok:
    return "The process has ended with exit 0.";
  case worker_event::exit_fault:
    return "The process has ended in another way. In `stopping` that is no fault.";
  case worker_event::reset:
    return "It is to be started anew: another definition is wanted, it is enabled again, or it "
           "is released.";
  case worker_event::back_off:
    return "It has ended, and is to be restarted after a delay.";
  case worker_event::give_up:
    return "It is not to be restarted after all.";
  case worker_event::disable:
    return "The DBA switches it off, and no process of it is left.";
  case worker_event::quarantine:
    return "The crash guard quarantines it, and no process of it is left.";
  case worker_event::fall_silent:
    return "No heartbeat has come within its deadline.";
  case worker_event::recover:
    return "A heartbeat comes after all.";
  }
  return nullptr;
}

// One row for each value; the first without a meaning is behind the last.
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
