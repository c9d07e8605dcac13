// Loads a library into this process as if it were preloaded.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// Whether this process has loaded the file without hosting it: then it can no longer be hosted
// here.
[[nodiscard]] bool is_loaded(const std::string &path);

// In the library's keeper: runs _PG_init, and makes the memory, or maps that of an earlier keeper,
// and has it initialised.  After an error, the instance is unchanged.
void load_as_keeper(state::shared &s, instance &i);

// In any other process, when the library is hosted. `number` is the instance's.
void load(state::shared &s, uint64 number);

// A library that the hosted one at `place` is about to load: it is hosted together with it.
void redirect_also(int place, const std::string &library);

}  // namespace dynpgext::hosting
