// Commands on databases and extensions, in processes that have loaded this library.
#pragma once

namespace dynpgext::supervision {

// Once in a process: from now on, prepares such commands before they run.
void watch_utility_commands();
// Once in a process, after other libraries have set their hooks: ours runs before theirs.
void watch_utility_analysis();

}  // namespace dynpgext::supervision
