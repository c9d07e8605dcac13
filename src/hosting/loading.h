// Loads a library into this process as if it were preloaded.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// Whether this process has loaded the file without hosting it: then it cannot be hosted here any
// more.
[[nodiscard]] bool is_loaded(const std::string &path);

// The library's keeper: runs _PG_init, makes the memory, or maps it where an earlier keeper has
// made it, and has it initialised.  The instance is as before where it raises.
void load_as_keeper(state::shared &s, instance &i);

// Any other process, when the library is hosted.  `number` is the instance's.
void load(state::shared &s, uint64 number);

// A library that the hosted one at `place` is about to load: it takes part in its hosting.
void redirect_also(int place, const std::string &library);

}  // namespace dynpgext::hosting
