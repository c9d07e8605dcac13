// Ends a command whose rights are lost: the rights checked before a run are checked again while the
// command runs.
//
// A role can make a command wait for a lock without limit, and may meanwhile be granted a right
// that it lacked at the start of the run.  This process knows of new foreign code (a trigger on a
// table, a replaced function) only after it has received invalidation messages, and the locks of a
// statement exclude new triggers.  So the check comes before each step that could run foreign code:
// a statement that is ready and has its locks, a utility statement, and the first call of a
// function, including a trigger of a partition.  It costs a comparison, unless messages about
// rights have arrived since the last one: a process receives those of all databases.
#pragma once

#include "pg/command_rights.h"

namespace dynpgext::pg {

// Changes received by this process.
struct heard_changes {
  uint64 messages = 0;  // of any kind, from other processes
  uint64 changes = 0;   // see catalog_changes()
};
[[nodiscard]] heard_changes heard_so_far();

struct checked_rights {
  command_role role;
  std::string extension;
  std::string search_path;   // of the command, at the start of the run
  heard_changes heard = {};  // before the rights were checked
};

// Once in a process: sets the hooks.
void prepare_rights_watch();

// For a scope: once a right is missing, statements fail like the next run.  One at a time.
class rights_watch {
 public:
  explicit rights_watch(const checked_rights &rights);
  rights_watch(const rights_watch &) = delete;
  rights_watch &operator=(const rights_watch &) = delete;
  ~rights_watch();
};

}  // namespace dynpgext::pg
