// What a process ends with: the error that ended it, kept for those who look at why.
#pragma once

#include "shared/entries.h"

namespace dynpgext::state {

// From now on a FATAL of this process is kept; an ERROR is, where it leaves f of keep_error().
void keep_last_words();

// Without allocation: the process may be on its way out from anywhere.
void keep_words(int sqlstate, const char *message, message_text *into) noexcept;
[[nodiscard]] const message_text &last_words(int exit_code) noexcept;

void note_error(int sqlstate, const char *message) noexcept;

// FATAL is reported on its way out, with nothing in between that could catch it.  An ERROR is noted
// where it leaves the process's main function: others may be handled in there.
template <class F>
void noting_errors(F f) {
  try {
    f();
  } catch (const pg::server_error &e) {
    note_error(e.data()->sqlerrcode, e.data()->message);
    throw;
  } catch (const pg::error &e) {
    note_error(e.sqlstate(), e.what());
    throw;
  }
}

}  // namespace dynpgext::state
