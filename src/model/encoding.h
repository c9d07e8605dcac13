// Registrations as one run of bytes: how a database's are published in shared memory.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "model/registration.h"

namespace dynpgext::model {

// Same server, same build: no portability, but lengths are checked on the way back.
[[nodiscard]] std::string encode(const registrations &from);
// Empty when the bytes are not a whole encoding.
[[nodiscard]] std::optional<registrations> decode(std::span<const char> bytes);

}  // namespace dynpgext::model
