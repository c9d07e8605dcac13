// The version of dynpgext that this library is, as the control file has it.
#pragma once

namespace dynpgext::pg {

[[nodiscard]] const char *own_version() noexcept;

}  // namespace dynpgext::pg
