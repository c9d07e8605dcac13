// The order of extension versions.
#pragma once

#include <compare>
#include <string_view>

namespace dynpgext::model {

// PostgreSQL gives versions no order.  Runs of digits compare as numbers, everything else as bytes.
// Of two versions with a common start, the longer one is higher, unless it continues with a letter
// or a '-' or '~' ("1.0beta", "1.0-rc1" come before "1.0").
[[nodiscard]] std::strong_ordering compare_versions(std::string_view left, std::string_view right);

}  // namespace dynpgext::model
