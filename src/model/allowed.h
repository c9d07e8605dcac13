// The setting dynpgext.allowed_extensions: which extensions may take part.
#pragma once

#include <string_view>

namespace dynpgext::model {

// A list of names, separated by commas, that are tried in order; the first that fits decides.  '*'
// fits every extension, and one that begins with '!' refuses.  A name in double quotes is taken as
// it is, with "" for a quotation mark.  What nothing fits is refused.
[[nodiscard]] bool is_allowed(std::string_view list, std::string_view extension);

// Can it be read as such a list?
[[nodiscard]] bool is_allowed_list(std::string_view list);

}  // namespace dynpgext::model
