#include "state/charge.h"

namespace dynpgext::state {

charge::charge(shared &s, uint64 bytes, uint64 limit) : shared_(s), bytes_(bytes) {
  const exclusive lock(s);
  used_before_ = s.root->memory_used;
  fits_ = bytes <= limit && used_before_ <= limit - bytes;
  if (fits_)
    s.root->memory_used += bytes;
  else
    bytes_ = 0;
}

charge::~charge() {
  if (bytes_ == 0) return;
  (void)pg::swallow("giving back a charge for shared memory", [this] {
    const exclusive lock(shared_);
    shared_.root->memory_used -= bytes_;
  });
}

}  // namespace dynpgext::state
