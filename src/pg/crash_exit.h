// How a process of the server ends, told in a word of memory that outlives it.
//
// A process may end in three ways.  Well: with status 0 or 1, a FATAL included.  As a bystander:
// the postmaster sends it SIGQUIT, after another one has crashed or for an immediate shutdown.
// Or as one that takes the server down: by another signal or with another status; then the word
// keeps the value it had.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

struct exit_word {
  std::atomic<uint64> *place;  // mapped for the life of the process
  uint64 armed;                // only while it holds this it is changed, ...
  uint64 exited;               // to this when the process ends well,
  uint64 quit;                 // and to this when it is a bystander
  bool outlives;               // it is not changed when the process ends because the postmaster has
  void (*on_quit)();           // called in the signal handler of a bystander; or nullptr
};
static_assert(std::atomic<uint64>::is_always_lock_free, "it is changed in a signal handler");

// For the life of the process; a second call changes nothing.  What the process had installed for
// SIGQUIT is called after the word is changed.
void tell_exit(const exit_word &word);

// After somebody else may have installed a handler of SIGQUIT: that one is called after ours.
void keep_telling_exit() noexcept;

// The status that the process ends with, in an exit callback of the server's that is told `code`:
// -1 where somebody has called the C library's exit(), whatever its status.  watch_exit_status(),
// called before, remembers that with glibc; elsewhere it is taken for 0.
void watch_exit_status();
[[nodiscard]] int exit_status(int code) noexcept;

}  // namespace dynpgext::pg
