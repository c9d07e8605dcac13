// The settings dynpgext.*, in the units that the code uses.
#pragma once

#include <cstdint>

namespace dynpgext::pg::settings {

// Defines them; once in each process, when the library is loaded.
void define();

[[nodiscard]] std::uint64_t memory_limit_bytes();  // UINT64_MAX: none
[[nodiscard]] long naptime_milliseconds();
[[nodiscard]] int start_concurrency();

}  // namespace dynpgext::pg::settings
