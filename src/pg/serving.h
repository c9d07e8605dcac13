// Another copy of dynpgext's library that serves in this process, in place of this one.
//
// This library cannot use memory made by a library of another layout.  Then the library that made
// it is loaded from its kept copy (pg/own_library.h), does the work of this one at loading, and
// runs all calls of the server to this one.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// From now on.
void serve_by(const std::string &file);
[[nodiscard]] bool is_served_by_other() noexcept;

// The function in the serving library; nullptr if this one serves.  Raises 55000 if it is missing,
// with the server's own ereport: for frames with nothing to destroy.
[[nodiscard]] void *serving_function(const char *name);

}  // namespace dynpgext::pg

// Defines an entry point of a process for the postmaster.
#define DYNPGEXT_PROCESS_FUNCTION(name)                                                            \
  extern "C" {                                                                                     \
  PGDLLEXPORT void name(Datum);                                                                    \
  }                                                                                                \
  static void name##_here(Datum argument);                                                         \
  void name(Datum argument) {                                                                      \
    void *const other = ::dynpgext::pg::serving_function(#name);                                   \
    other != nullptr ? reinterpret_cast<void (*)(Datum)>(other)(argument) : name##_here(argument); \
  }                                                                                                \
  static void name##_here([[maybe_unused]] Datum argument)
