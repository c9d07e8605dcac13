// The functions behind dynpgext.h, for every process.
#pragma once

namespace dynpgext::api {

// Puts the table of functions where dynpgext.h looks for it.
void publish_table();

}  // namespace dynpgext::api
