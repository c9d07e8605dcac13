// Who starts the launcher.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Starts the launcher if there is none, or none on its way.  False when no slot was free.
bool ensure_launcher(shared &s);
// It has been there, or was asked for, and has not come for long.  One that has ended because there
// was nothing to launch is not missed.
[[nodiscard]] bool is_launcher_missed(const shared &s);
// The same where it has been away for long.  At the end of a process, which might otherwise wait
// for nobody.  Allocates nothing.
void look_for_launcher(shared &s) noexcept;
// The launcher ends, or another one is to take its place: it is on its way from now on.
void leave_launcher_office(shared &s);
// Tells who starts the launcher that the postmaster does (shared_preload_libraries).
void set_preloaded();
[[nodiscard]] bool preloaded();
inline constexpr int launcher_restart_seconds = 1;
[[nodiscard]] bool start_launcher_process(bool at_boot);

}  // namespace dynpgext::state
