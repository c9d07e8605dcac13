// LISTEN in a background worker.  The server refuses the statement there, because notifications go
// to a client; this unit intercepts them.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// In a transaction; takes effect with its commit.  Nothing is received on a standby.
void listen(const std::string &channel);
void unlisten(const std::string &channel);

// Notifications may have arrived; also sets the latch.
[[nodiscard]] bool has_notifications();
// The channels with notifications, each once.  Outside of a transaction.
[[nodiscard]] std::vector<std::string> take_notifications();

}  // namespace dynpgext::pg
