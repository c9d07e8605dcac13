// The order of locks, docs/states-and-locks.md: the holder of a later one does not wait for an
// earlier one.  Builds with DYNPGEXT_CHECKS end the process on a violation; others do not check.
#pragma once

#include "pg/held_locks.h"

namespace dynpgext::pg {

enum class lock_rank : uint8 {
  tables,        // of dynpgext
  provisioning,  // of a database
  claim,         // of an allocation
  root           // the LWLock; after it only those that the server takes within one call
};

namespace lock_order {

#if DYNPGEXT_CHECKS
[[noreturn]] void broken(lock_rank wanted, const char *holding) noexcept;
// Before this process waits for one.
void acquiring(lock_rank rank) noexcept;
void acquired(lock_rank rank) noexcept;
void released(lock_rank rank) noexcept;
// The process is about to exit: none is held.
void forget_all() noexcept;
#else
inline void acquiring(lock_rank) noexcept {}
inline void acquired(lock_rank) noexcept {}
inline void released(lock_rank) noexcept {}
inline void forget_all() noexcept {}
#endif

}  // namespace lock_order
}  // namespace dynpgext::pg
