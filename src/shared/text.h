// Texts of variable length in shared memory.
#pragma once

#include "model/text.h"
#include "shared/root.h"

namespace dynpgext::state {

// Callers hold root.lock: exclusively, except for view().
[[nodiscard]] std::string_view view(const shared &s, const shared_text &text);
// An equal text changes nothing.  If there is no memory for it (53200), the old text stays.
void assign(const shared &s, shared_text &text, std::string_view value);
// The same, but then the text becomes empty.
void assign_if_possible(const shared &s, shared_text &text, std::string_view value);
void clear(const shared &s, shared_text &text);
// `to` gets the text, and `from` becomes empty.
void move(const shared &s, shared_text &from, shared_text &to);

// The same for a string of fixed size: truncated at its end, never in the middle of a character,
// even in a process without a database and so without an encoding.
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
