// The versions of dynpgext's library that processes run.
//
// The file may be replaced while the server runs: processes with the old library continue with it,
// next to those with the new one.  Attached processes are counted until they end, see root.cpp.
#pragma once

#include <optional>
#include <string>

#include "shared/root.h"

namespace dynpgext::state {

// The layout of the existing memory, if this library cannot use it.  Does not attach.
[[nodiscard]] std::optional<uint32> other_layout();

// The launcher has taken office.  Runners of another build are notified, and yield to their
// successors.
void note_launcher_library(shared &s);
// Does the launcher have another build, so that a new process would not get this one?
[[nodiscard]] bool is_own_library_old(const shared &s);
// The same for a process that runs `build`, as seen from this one.
[[nodiscard]] bool is_library_old(const pg::library_build &build,
                                  const pg::library_build &of_launcher);

struct versions_in_use {
  std::string launcher;  // empty: none runs
  std::string oldest;    // of any process
  std::string newest;
};
[[nodiscard]] versions_in_use versions(const shared &s);

}  // namespace dynpgext::state
