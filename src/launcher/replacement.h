// What the launcher does when the file of dynpgext's library is replaced.
//
//   the file is another one    it is left alone until it has not changed for a second
//   then                       a process tries it: loads it, and attaches to the shared memory
//   ... and can                the launcher ends at a quiet moment, and its successor runs the file
//   ... and cannot             the launcher goes on with its own, and says so
//   runners                    follow their launcher, between two commands
//   workers                    go on; `stale` shows them
//   a preloaded library        is each process's, whatever the file is: nothing happens
#pragma once

#include "pg/library.h"
#include "shared/root.h"

namespace dynpgext::supervision {

class replacement {
 public:
  // Is a successor with the present file to take over?
  [[nodiscard]] bool is_due(state::shared &s, pg::moment now);
  // A file that could not be used is tried once more.
  void try_again() { tried_ = {}; }

 private:
  pg::library_build seen_{};
  pg::moment seen_at_{};
  pg::library_build tried_{};
  pg::moment tried_at_{};
  bool warned_ = false;  // of the one that was tried
};

}  // namespace dynpgext::supervision
