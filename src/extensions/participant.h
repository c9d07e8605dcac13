// An extension's library as dynpgext sees it: does it take part, and its entry points.
#pragma once

#include <string>

#include "pg/border.h"

extern "C" {
#include "dynpgext.h"
}

namespace dynpgext::provisioning {

// The library through which an installed extension takes part: the control file's
// module_pathname if it does, else the first (by name) of those that its C functions live
// in.  Empty when none defines _Dynpgext_magic; nothing is loaded to find that out.
[[nodiscard]] std::string participating_library(const std::string &extension,
                                                const std::string &version);

// As dynpgext.allowed_extensions says.
[[nodiscard]] bool is_allowed(const std::string &extension);
// 42501 where it is not.
void require_allowed(const std::string &extension);

struct entry_points {
  void (*init)(const dynpgext_handle *) = nullptr;
  void (*fini)(const dynpgext_handle *) = nullptr;  // or nullptr
  bool (*eager_preload)() = nullptr;                // or nullptr
};

// Loads the library as the server does, and checks what it says of itself.
// Errors: 42501 not allowed, 58P01 no such file, 55000 made for another interface, 42883 no
// _Dynpgext_init.
[[nodiscard]] entry_points load_participant(const std::string &extension,
                                            const std::string &library);

}  // namespace dynpgext::provisioning
