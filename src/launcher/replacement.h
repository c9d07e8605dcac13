// The launcher's reaction to a replaced file of dynpgext's library.
//
//   the file has changed       nothing happens until it has not changed for a second
//   then                       a process tries it: loads it, and attaches to the shared memory
//   ... success                the launcher ends at a quiet moment, and its successor runs the file
//   ... failure                the launcher continues with its own, and warns
//   runners                    follow their launcher, between two commands
//   workers                    continue; `stale` shows them
//   a preloaded library        every process inherits it, so nothing happens
#pragma once

#include "pg/library.h"
#include "shared/root.h"

namespace dynpgext::supervision {

class replacement {
 public:
  // Should a successor with the present file take over?
  [[nodiscard]] bool is_due(state::shared &s, pg::moment now);
  // An unusable file is tried once more.
  void try_again() { tried_ = {}; }

 private:
  pg::library_build seen_{};
  pg::moment seen_at_{};
  pg::library_build tried_{};
  pg::moment tried_at_{};
  bool warned_ = false;  // about the file that was tried
};

}  // namespace dynpgext::supervision
