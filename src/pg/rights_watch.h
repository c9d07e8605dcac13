// A command may run only as long as it still may: the rights that were checked before a run are
// checked again while the command runs.
//
// A role can keep a command waiting for a lock for as long as it likes, and may be granted
// meanwhile what it lacked when the run began.  Whatever could run code of others (a trigger on a
// table, a function that somebody has replaced) is known to this process only after it has received
// invalidation messages, and a statement that holds its locks keeps out new triggers.  So the check
// comes before each step from which code of others could run: a statement that is ready and has its
// locks, a utility statement, and the first call of a function, be it a trigger of a partition.  It
// costs a comparison, unless messages have come since the last one that tell of rights: a process
// receives those of all databases.
#pragma once

#include "pg/command_rights.h"

namespace dynpgext::pg {

// What this process has heard of changes.
struct heard_changes {
  uint64 messages = 0;  // of whatever, from other processes
  uint64 changes = 0;   // see catalog_changes()
};
[[nodiscard]] heard_changes heard_so_far();

struct checked_rights {
  command_role role;
  std::string extension;
  std::string search_path;   // of the command, when the run began
  heard_changes heard = {};  // before the rights were checked
};

// Once in a process: sets the hooks.
void prepare_rights_watch();

// For a scope: statements fail as the next run would, once a right is missing.  One at a time.
class rights_watch {
 public:
  explicit rights_watch(const checked_rights &rights);
  rights_watch(const rights_watch &) = delete;
  rights_watch &operator=(const rights_watch &) = delete;
  ~rights_watch();
};

}  // namespace dynpgext::pg
