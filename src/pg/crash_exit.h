// How a server process ended, in a word of memory that outlives it.
//
// A process may end in three ways.  Normally: with status 0 or 1, including a FATAL.  As a
// bystander: the postmaster sends it SIGQUIT, after another one has crashed or for an immediate
// shutdown.  Or by taking the server down: by another signal or with another status; then the word
// keeps its value.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

struct exit_word {
  std::atomic<uint64> *place;  // mapped for the life of the process
  uint64 armed;                // only this value is changed, ...
  uint64 exited;               // to this when the process ends normally,
  uint64 quit;                 // and to this when it is a bystander
  bool outlives;               // unchanged if the process ends because the postmaster has
  void (*on_quit)();           // called in the signal handler of a bystander; or nullptr
};
static_assert(std::atomic<uint64>::is_always_lock_free, "it is changed in a signal handler");

// For the life of the process; a second call has no effect.  The handler of SIGQUIT that the
// process had before is called after the word is changed.
void tell_exit(const exit_word &word);

// After another library may have installed a handler of SIGQUIT: that one is called after ours.
void keep_telling_exit() noexcept;

// The exit status of the process, in a server exit callback that gets `code`: -1 if somebody has
// called the C library's exit(), whatever its status. watch_exit_status(), called before, records
// that with glibc; elsewhere 0 is assumed.
void watch_exit_status();
[[nodiscard]] int exit_status(int code) noexcept;

}  // namespace dynpgext::pg
