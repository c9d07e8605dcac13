// Which versions of dynpgext's library processes run.
//
// The file may be replaced while the server runs: processes that have loaded the old one go on with
// it, next to those that load the new one.  Who attaches is counted until its end, see root.cpp.
#pragma once

#include <optional>
#include <string>

#include "shared/root.h"

namespace dynpgext::state {

// The layout of the memory that is there, where this library cannot use it.  Does not attach.
[[nodiscard]] std::optional<uint32> other_layout();

// The launcher has taken office.  Runners of another build are told, and make room for their
// successors.
void note_launcher_library(shared &s);
// Has the launcher another build, and a process that starts now gets another one than this?
[[nodiscard]] bool is_own_library_old(const shared &s);
// The same of a process that runs `build`, as seen from this one.
[[nodiscard]] bool is_library_old(const pg::library_build &build,
                                  const pg::library_build &of_launcher);

struct versions_in_use {
  std::string launcher;  // empty: none runs
  std::string oldest;    // that a process runs
  std::string newest;
};
[[nodiscard]] versions_in_use versions(const shared &s);

}  // namespace dynpgext::state
