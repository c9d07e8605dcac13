// The version of dynpgext that this library is, as the control file has it.
#pragma once

namespace dynpgext::model {

[[nodiscard]] const char *own_version() noexcept;

}  // namespace dynpgext::model
