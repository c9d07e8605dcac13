// Processes that initialise memory, and the memory that they wait for meanwhile.
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
  // memory awaited by the process meanwhile, which another one makes; no name: none
  std::uint32_t awaited_home = 0;
  std::string awaited = {};

  bool operator==(const claim &) const = default;
};

// The processes that wait for each other in a circle, if `process` is in one: claim after claim,
// each waiting for the memory of the next one, and the last one for that of the first, which
// belongs to `process`.  Empty: it is in none.
[[nodiscard]] std::vector<claim> find_circle(std::span<const claim> all, int process);

}  // namespace dynpgext::model
