// Commands on databases and extensions, where this library is loaded in the process that runs them.
#pragma once

namespace dynpgext::supervision {

// Once in a process: from now on, what such a command needs is done before it runs.
void watch_utility_commands();
// Once in a process, when other libraries have set their hooks: ours comes before theirs.
void watch_utility_analysis();

}  // namespace dynpgext::supervision
