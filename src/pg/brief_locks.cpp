#include "pg/brief_locks.h"

namespace dynpgext::pg {

brief_locks::brief_locks()
    : saved_(CurrentResourceOwner),
      own_(call([] { return ResourceOwnerCreate(CurrentResourceOwner, "dynpgext look"); })) {
  CurrentResourceOwner = own_;
}

brief_locks::~brief_locks() {
  CurrentResourceOwner = saved_;
  // As at the end of a rolled-back subtransaction, which releases the locks.
  (void)swallow("unlocking tables", [this] {
    call([own = own_] {
      ResourceOwnerRelease(own, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
      ResourceOwnerRelease(own, RESOURCE_RELEASE_LOCKS, false, false);
      ResourceOwnerRelease(own, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
      ResourceOwnerDelete(own);
    });
  });
}

}  // namespace dynpgext::pg
