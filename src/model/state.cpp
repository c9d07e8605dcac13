#include "model/state.h"

namespace dynpgext::model {
namespace {

using s = worker_state;
using e = worker_event;

constexpr std::array transitions{
    worker_transition{s::registered, e::start, s::starting},
    worker_transition{s::registered, e::postpone, s::waiting},
    worker_transition{s::registered, e::stop, s::stopped},
    worker_transition{s::registered, e::disable, s::disabled},
    worker_transition{s::registered, e::quarantine, s::quarantined},
    worker_transition{s::waiting, e::start, s::starting},
    worker_transition{s::waiting, e::stop, s::stopped},
    worker_transition{s::waiting, e::reset, s::registered},
    worker_transition{s::waiting, e::disable, s::disabled},
    worker_transition{s::waiting, e::quarantine, s::quarantined},
    worker_transition{s::starting, e::no_slot, s::waiting},
    worker_transition{s::starting, e::come_up, s::running},
    worker_transition{s::starting, e::lost, s::registered},
    // nothing is running yet: the process finds at its start that it is not wanted
    worker_transition{s::starting, e::stop, s::stopped},
    worker_transition{s::starting, e::reset, s::registered},
    worker_transition{s::running, e::resume, s::starting},
    worker_transition{s::running, e::stop, s::stopping},
    worker_transition{s::running, e::exit_ok, s::stopped},
    worker_transition{s::running, e::exit_fault, s::failed},
    worker_transition{s::running, e::fall_silent, s::unresponsive},
    worker_transition{s::unresponsive, e::recover, s::running},
    worker_transition{s::unresponsive, e::stop, s::stopping},
    worker_transition{s::unresponsive, e::exit_ok, s::stopped},
    worker_transition{s::unresponsive, e::exit_fault, s::failed},
    // it was signalled: no exit status is a fault
    worker_transition{s::stopping, e::exit_ok, s::stopped},
    worker_transition{s::stopping, e::exit_fault, s::stopped},
    worker_transition{s::stopping, e::lost, s::stopped},
    worker_transition{s::stopped, e::start, s::starting},
    worker_transition{s::stopped, e::reset, s::registered},
    worker_transition{s::stopped, e::back_off, s::backoff},
    worker_transition{s::stopped, e::disable, s::disabled},
    worker_transition{s::stopped, e::quarantine, s::quarantined},
    worker_transition{s::failed, e::start, s::starting},
    worker_transition{s::failed, e::stop, s::stopped},
    worker_transition{s::failed, e::reset, s::registered},
    worker_transition{s::failed, e::back_off, s::backoff},
    worker_transition{s::failed, e::disable, s::disabled},
    worker_transition{s::failed, e::quarantine, s::quarantined},
    worker_transition{s::backoff, e::start, s::starting},
    worker_transition{s::backoff, e::stop, s::stopped},
    worker_transition{s::backoff, e::reset, s::registered},
    worker_transition{s::backoff, e::give_up, s::failed},
    worker_transition{s::backoff, e::disable, s::disabled},
    worker_transition{s::backoff, e::quarantine, s::quarantined},
    worker_transition{s::disabled, e::reset, s::registered},
    worker_transition{s::disabled, e::quarantine, s::quarantined},
    worker_transition{s::quarantined, e::reset, s::registered},
    worker_transition{s::quarantined, e::disable, s::disabled},
};

template <class State, std::size_t Count>
std::string_view pick(const std::array<std::string_view, Count> &names, State state) {
  const auto index = static_cast<std::size_t>(state);
  return index < Count ? names[index] : "unknown";
}

constexpr std::array<std::string_view, 5> extension_names{"pending", "provisioned", "failed",
                                                          "quarantined", "unloaded"};
constexpr std::array<std::string_view, 4> allocation_names{"registered", "allocated", "draining",
                                                           "failed"};
constexpr std::array<std::string_view, 11> worker_names{
    "registered", "starting", "running",  "stopping",    "stopped",     "failed",
    "backoff",    "waiting",  "disabled", "quarantined", "unresponsive"};
constexpr std::array<std::string_view, 16> event_names{
    "start",      "no slot",     "postpone", "come up",  "lost",    "stop",
    "exit 0",     "other exit",  "reset",    "back off", "give up", "disable",
    "quarantine", "fall silent", "recover",  "resume"};

}  // namespace

std::string_view name_of(extension_state state) { return pick(extension_names, state); }
std::string_view name_of(allocation_state state) { return pick(allocation_names, state); }
std::string_view name_of(worker_state state) { return pick(worker_names, state); }
std::string_view name_of(worker_event event) { return pick(event_names, event); }

std::span<const worker_transition> worker_transitions() { return transitions; }

std::optional<worker_state> next(worker_state from, worker_event event) {
  for (const worker_transition &t : transitions)
    if (t.from == from && t.event == event) return t.to;
  return std::nullopt;
}

std::string worker_state_diagram() {
  std::string text = "stateDiagram-v2\n    [*] --> registered\n";
  for (const worker_transition &t : transitions)
    text.append("    ")
        .append(name_of(t.from))
        .append(" --> ")
        .append(name_of(t.to))
        .append(" : ")
        .append(name_of(t.event))
        .append("\n");
  return text;
}

}  // namespace dynpgext::model
