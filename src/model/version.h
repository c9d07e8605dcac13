// Which of two extension versions is the higher one.
#pragma once

#include <compare>
#include <string_view>

namespace dynpgext::model {

// PostgreSQL gives versions no order.  Runs of digits compare as numbers, everything else as
// bytes, and a version that goes on after a common start is higher, unless it goes on with a
// letter or a '-' or '~' ("1.0beta", "1.0-rc1" come before "1.0").
[[nodiscard]] std::strong_ordering compare_versions(std::string_view left, std::string_view right);

}  // namespace dynpgext::model
