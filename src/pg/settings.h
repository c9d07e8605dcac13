// The settings dynpgext.*, in the units that the code uses.
#pragma once

#include <cstdint>

namespace dynpgext::pg::settings {

// Defines them, once in each process.  That costs a process that has just started a good part
// of what it takes to start (the server sorts all its settings anew for each), so the process of
// a worker does it only when it needs one.
void define();

[[nodiscard]] std::uint64_t memory_limit_bytes();  // UINT64_MAX: none
[[nodiscard]] long naptime_milliseconds();
[[nodiscard]] int start_concurrency();

}  // namespace dynpgext::pg::settings
