// Intervals as text, read by the server's own parser.
#pragma once

#include <optional>
#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

// Microseconds, as the server compares intervals; nothing where it is not an interval, or is not
// finite.  Raises nothing, so that all that is wrong with a document can be found at once.
[[nodiscard]] std::optional<int64> parse_interval(const std::string &text);

}  // namespace dynpgext::pg
