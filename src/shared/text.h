// Texts in shared memory, which take as much as they are long.
#pragma once

#include "model/text.h"
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

// The same of a string of fixed size: cut at its end, never in the middle of a character, also in a
// process that is in no database and has no encoding therefore.
template <size_t Size>
void assign(pg::fixed_string<Size> &to, std::string_view text) {
  if (text.size() >= Size) {
    const int length = pg_mbcliplen(text.data(), static_cast<int>(text.size()), Size - 1);
    text = text.substr(0, static_cast<size_t>(length));
    text = text.substr(0, model::whole_length(text));
  }
  to.assign(text);
}

}  // namespace dynpgext::state
