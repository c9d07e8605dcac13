// Who initialises which memory, and waits for which other meanwhile.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dynpgext::model {

// A process that makes an allocation, and runs its callback.
struct claim {
  std::uint32_t home = 0;  // as in allocations: a database, or 0
  std::string name = {};
  int process = 0;
  // what the process waits for meanwhile, which another one makes; no name: nothing
  std::uint32_t awaited_home = 0;
  std::string awaited = {};

  bool operator==(const claim &) const = default;
};

// The processes that wait for each other in a circle, if `process` is in one: claim after claim,
// each waiting for what the next one makes, and the last one for the first, which is the
// process's.  Empty: it is in none.
[[nodiscard]] std::vector<claim> find_circle(std::span<const claim> all, int process);

}  // namespace dynpgext::model
