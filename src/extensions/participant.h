// An extension's library for dynpgext: whether it takes part, and its entry points.
#pragma once

#include <string>

#include "pg/border.h"

extern "C" {
#include "dynpgext.h"
}

namespace dynpgext::provisioning {

// The library through which an installed extension takes part: the control file's module_pathname
// if it does, else the first (by name) among those of its C functions.  Empty if none defines
// _Dynpgext_magic.  Loads nothing for the check.
[[nodiscard]] std::string participating_library(const std::string &extension,
                                                const std::string &version);

// According to dynpgext.allowed_extensions.
[[nodiscard]] bool is_allowed(const std::string &extension);
// 42501 if it is not.
void require_allowed(const std::string &extension);

struct entry_points {
  void (*init)(const dynpgext_handle *) = nullptr;
  void (*fini)(const dynpgext_handle *) = nullptr;  // or nullptr
  bool (*eager_preload)() = nullptr;                // or nullptr
};

// Loads the library like the server, and checks its magic.  Errors: 42501 not allowed, 58P01 no
// such file, 55000 made for another interface, 42883 no _Dynpgext_init.
[[nodiscard]] entry_points load_participant(const std::string &extension,
                                            const std::string &library);

}  // namespace dynpgext::provisioning
