// Another copy of dynpgext's library that serves in this process, in place of this one.
//
// Memory that a library of another layout has made is of no use to this one.  Then the library that
// made it is loaded from where it is kept (pg/own_library.h), does everything that this one would
// have done when it was loaded, and runs whatever the server calls in this one.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// From now on.
void serve_by(const std::string &file);
[[nodiscard]] bool is_served_by_other() noexcept;

// Of that name in the library that serves; nullptr where this one does.  Raises 55000 where it has
// none, as the server does: for frames that have nothing to destroy.
[[nodiscard]] void *serving_function(const char *name);

}  // namespace dynpgext::pg

// Defines a function that the postmaster starts a process with.
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
