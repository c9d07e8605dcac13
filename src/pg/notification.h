// LISTEN in a background worker.  The server refuses the statement there, for what comes goes to a
// client; here it is caught on its way.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// In a transaction; they take effect with its commit.  Nothing is heard on a standby.
void listen(const std::string &channel);
void unlisten(const std::string &channel);

// Something may have come; also sets the latch.
[[nodiscard]] bool has_notifications();
// The channels that there has been something on, each once.  Outside of a transaction.
[[nodiscard]] std::vector<std::string> take_notifications();

}  // namespace dynpgext::pg
