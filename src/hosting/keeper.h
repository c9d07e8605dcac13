// A keeper: the process that is the postmaster to one hosted library.
//
// It loads the library as the postmaster would, makes its memory, and stays, so that what the
// library wants done at the shutdown of the server is done.  Where a keeper has ended and the
// memory is still there, the next one goes on with it.
#pragma once

namespace dynpgext::hosting {

inline constexpr const char *keeper_function = "dynpgext_keeper_main";

}  // namespace dynpgext::hosting
