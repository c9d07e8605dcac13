// The file that this library was loaded from, and a copy of it that outlives the file.
//
// Until the restart of the server, all processes that use the shared memory need the library that
// made it, or a compatible one.  An installation may replace the file, so each layout of the shared
// memory has its own file in the data directory.
#pragma once

#include <string>

#include "pg/library.h"

namespace dynpgext::pg {

// As bgw_library_name, so that a worker runs the same file.
[[nodiscard]] const char *own_library();

// Called when the library is loaded: records its file.
void note_own_file() noexcept;
// Its path; empty if unknown.
[[nodiscard]] const char *own_file() noexcept;
[[nodiscard]] file_identity own_identity() noexcept;
[[nodiscard]] library_build own_build() noexcept;
// The file that new processes load: that path, or, for a kept copy, the place where the server
// looks for dynpgext.
[[nodiscard]] const char *installed_file();
// Of the present file.
[[nodiscard]] library_build installed_build();
// Has the file been replaced?
[[nodiscard]] bool is_own_file_replaced() noexcept;

// Where the library of a layout is kept.
[[nodiscard]] std::string kept_library(uint32 layout);
// Keeps this one, and removes those of other layouts; does nothing if its file was replaced since
// it was loaded, or it is already kept.
void keep_own_library(uint32 layout);

}  // namespace dynpgext::pg
