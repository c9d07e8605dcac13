// The error that ended a process, kept for inspection.
#pragma once

#include "shared/entries.h"

namespace dynpgext::state {

// From now on a FATAL of this process is kept, and an ERROR that leaves f of keep_error().
void keep_last_words();

// Without allocation: the process may exit at any point.
void keep_words(int sqlstate, const char *message, message_text *into) noexcept;
[[nodiscard]] const message_text &last_words(int exit_code) noexcept;

void note_error(int sqlstate, const char *message) noexcept;

// A FATAL is recorded when it is reported: nothing can catch it.  An ERROR is recorded when it
// leaves the process's main function: others may be handled in there.
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
