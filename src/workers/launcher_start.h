// Starting the launcher, from any process.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Starts the launcher if there is none and none is starting.  False if no slot was free.
bool ensure_launcher(shared &s);
// A launcher was requested or has existed, and has been absent for long.  False if it has ended
// because there was nothing to launch.
[[nodiscard]] bool is_launcher_missed(const shared &s);
// Starts the launcher if it is missed.  For the end of a process, which only a launcher can
// restart.  Allocates nothing.
void look_for_launcher(shared &s) noexcept;
// The launcher ends, or another one takes its place, and counts as starting from now on.
void leave_launcher_office(shared &s);
// Tells these functions that the postmaster starts the launcher (shared_preload_libraries).
void set_preloaded();
[[nodiscard]] bool preloaded();
inline constexpr int launcher_restart_seconds = 1;
[[nodiscard]] bool start_launcher_process(bool at_boot);

}  // namespace dynpgext::state
