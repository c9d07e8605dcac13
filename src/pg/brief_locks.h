// Locks that are released early.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Locks taken in the scope are released at its end, also after an error, except those held before.
// For functions that everybody may call: nobody should get a long lock on a table by reading it
// through a function without the right to lock it otherwise.  Only for code that reads: the result
// may be outdated a moment later.
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
