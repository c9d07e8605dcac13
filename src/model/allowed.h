// The setting dynpgext.allowed_extensions: extensions that may take part.
#pragma once

#include <string_view>

namespace dynpgext::model {

// A list of names, separated by commas, tried in order; the first match decides. '*' matches every
// extension, and '!' before a name refuses.  A name in double quotes is taken literally, with ""
// for a quotation mark.  An extension without a match is refused.
[[nodiscard]] bool is_allowed(std::string_view list, std::string_view extension);

// Is it a valid list?
[[nodiscard]] bool is_allowed_list(std::string_view list);

}  // namespace dynpgext::model
