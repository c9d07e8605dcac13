// Locks for a look.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// What is locked in the scope is unlocked at its end, also after an error, unless it was locked
// before.  For functions that everybody may call: nobody is to hold a lock on a table by reading it
// through a function that could not be had otherwise.  Only for code that reads: what has been
// found may have changed a moment later.
class brief_locks {
 public:
  brief_locks();
  brief_locks(const brief_locks &) = delete;
  brief_locks &operator=(const brief_locks &) = delete;
  ~brief_locks();

 private:
  ResourceOwner saved_;
  ResourceOwner own_;
};

}  // namespace dynpgext::pg
