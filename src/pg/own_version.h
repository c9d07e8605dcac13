// The version of this library, as in the control file.
#pragma once

namespace dynpgext::pg {

[[nodiscard]] const char *own_version() noexcept;

}  // namespace dynpgext::pg
