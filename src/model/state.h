// States, their names, and the transitions between them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dynpgext::model {

enum class extension_state : std::uint8_t { pending, provisioned, failed, quarantined, unloaded };
enum class allocation_state : std::uint8_t { registered, allocated, draining, failed };
enum class worker_state : std::uint8_t {
  registered,
  starting,
  running,
  stopping,
  stopped,
  failed,
  backoff,
  waiting,
  disabled,
  quarantined,
  unresponsive
};

[[nodiscard]] std::string_view name_of(extension_state state);
[[nodiscard]] std::string_view name_of(allocation_state state);
[[nodiscard]] std::string_view name_of(worker_state state);

// Events of a worker.
enum class worker_event : std::uint8_t {
  start,        // a process claims the start and asks the postmaster
  no_slot,      // the postmaster had no free slot
  postpone,     // it waits for a promotion, or for the end of a command on its database
  come_up,      // its process reports
  lost,         // the start produced no process
  stop,         // signalled to end (or not to start)
  exit_ok,      // the process ended with exit 0
  exit_fault,   // it ended in another way
  reset,        // it starts anew: another definition, enabled again, released
  back_off,     // it has ended, and will be restarted after a delay
  give_up,      // it will not be restarted after all
  disable,      // by the DBA
  quarantine,   // by the crash guard
  fall_silent,  // no heartbeat within its deadline
  recover,      // a heartbeat after that
  resume,       // it was at rest, without a process, and is due
};
[[nodiscard]] std::string_view name_of(worker_event event);

struct worker_transition {
  worker_state from;
  worker_event event;
  worker_state to;
};

[[nodiscard]] std::span<const worker_transition> worker_transitions();

// The state after `event` in state `from`; nullopt if it is not allowed.
[[nodiscard]] std::optional<worker_state> next(worker_state from, worker_event event);

// Does a process exist, or may one start at any moment?
[[nodiscard]] constexpr bool is_active(worker_state state) {
  return state == worker_state::starting || state == worker_state::running ||
         state == worker_state::unresponsive || state == worker_state::stopping;
}

// The table as a mermaid diagram, for docs/worker-states.md.
[[nodiscard]] std::string worker_state_diagram();

}  // namespace dynpgext::model
