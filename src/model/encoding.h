// Registrations as a byte string: the form of a database's in shared memory.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "model/registration.h"

namespace dynpgext::model {

// Same server, same build: not portable, but decode() checks lengths.
[[nodiscard]] std::string encode(const registrations &from);
// nullopt if the bytes are not a complete encoding.
[[nodiscard]] std::optional<registrations> decode(std::span<const char> bytes);

}  // namespace dynpgext::model
