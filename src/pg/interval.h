// Intervals as text, read by the server's own parser.
#pragma once

#include <optional>
#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

// Microseconds, by the server's comparison of intervals; nullopt if it is not an interval, or not
// finite.  Raises nothing, so that all faults of a document can be found at once.
[[nodiscard]] std::optional<int64> parse_interval(const std::string &text);

}  // namespace dynpgext::pg
