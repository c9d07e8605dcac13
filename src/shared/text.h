// Texts in shared memory, which take as much as they are long.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// Callers hold root.lock: exclusively, except for view().
[[nodiscard]] std::string_view view(const shared &s, const shared_text &text);
// The same text again changes nothing.  Where there is no memory for it (53200), it is as it was.
void assign(const shared &s, shared_text &text, std::string_view value);
// The same, but then there is none.
void assign_if_possible(const shared &s, shared_text &text, std::string_view value);
void clear(const shared &s, shared_text &text);
// The text is the other one's from now on.
void move(const shared &s, shared_text &from, shared_text &to);

}  // namespace dynpgext::state
