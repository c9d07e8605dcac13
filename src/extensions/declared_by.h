// The source of declarations.
#pragma once

#include "pg/server.h"

namespace dynpgext::provisioning {

enum class declared_by : uint8 {
  script,   // of the extension, while it runs; replaces registrations by hand
  hand,     // kept for pg_dump
  restore,  // of registrations by hand
};

}  // namespace dynpgext::provisioning
