#include "workers/use.h"

#include "workers/database_end.h"
#include "workers/launcher_start.h"

namespace dynpgext::state {

shared &use() {
  static constinit bool checked = false;
  shared &s = attach();
  if (!checked)
    checked = ensure_launcher(s);
  else if (is_launcher_missed(s))
    (void)ensure_launcher(s);
  meet_database(s);
  return s;
}

}  // namespace dynpgext::state
