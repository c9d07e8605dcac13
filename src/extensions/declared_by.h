// The source of declarations.
#pragma once

#include "pg/server.h"

namespace dynpgext::provisioning {

enum class declared_by : uint8 {
  script,       // of the extension, while it runs as a superuser; replaces registrations by hand
  role_script,  // the same, while it runs as another role: with the rights of `hand`
  hand,         // kept for pg_dump
  restore,      // of registrations by hand
};

[[nodiscard]] constexpr bool is_script(declared_by who) {
  return who == declared_by::script || who == declared_by::role_script;
}

}  // namespace dynpgext::provisioning
