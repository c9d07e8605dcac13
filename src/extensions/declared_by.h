// Who declares registrations.
#pragma once

#include "pg/server.h"

namespace dynpgext::provisioning {

enum class declared_by : uint8 {
  script,   // of the extension, while it runs; what was registered by hand gives way to it
  hand,     // kept for pg_dump
  restore,  // of what was registered by hand
};

}  // namespace dynpgext::provisioning
