// The file that this library was loaded from, and a copy of it that outlives the file.
//
// All processes that use the shared memory need the library that made it, or one that is compatible
// with it, until the server is restarted.  An installation may put another one in its place, so
// each layout of the shared memory has a file of its own in the data directory.
#pragma once

#include <string>

#include "pg/library.h"

namespace dynpgext::pg {

// As bgw_library_name, so that a worker runs the same file.
[[nodiscard]] const char *own_library();

// Called when the library is loaded: which file it is.
void note_own_file() noexcept;
// Its path; empty where the system does not tell.
[[nodiscard]] const char *own_file() noexcept;
[[nodiscard]] file_identity own_identity() noexcept;
[[nodiscard]] library_build own_build() noexcept;
// What processes to come load: that path, or, for a copy that is kept, where the server looks for
// dynpgext.
[[nodiscard]] const char *installed_file();
// Of the file that is there now.
[[nodiscard]] library_build installed_build();
// Is another file there by now?
[[nodiscard]] bool is_own_file_replaced() noexcept;

// Where the library of a layout is kept.
[[nodiscard]] std::string kept_library(uint32 layout);
// Keeps this one, and none of another layout; does nothing where it has been replaced since it was
// loaded, or is kept already.
void keep_own_library(uint32 layout);

}  // namespace dynpgext::pg
