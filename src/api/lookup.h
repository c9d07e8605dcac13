// The functions behind dynpgext.h, for every process; and lookups for SQL functions.
#pragma once

#include <optional>
#include <string>

#include "catalog/store.h"
#include "memory/attachments.h"
#include "model/state.h"

namespace dynpgext::api {

// Puts the table of functions where dynpgext.h looks for it.
void publish_table();

// The memory that dynpgext_lookup_shmem() would find or provision, for reading.  Otherwise dropped
// memory to which this process is still attached. `name` must not be too long.
[[nodiscard]] state::loan borrow(const std::string &name);

// Why there is no memory for a name registered in this database, or as a global name in another
// known database.
struct missing_memory {
  std::string extension;
  model::extension_state state;
  std::string reason;  // if failed or quarantined
  Oid database;        // that registers it
};
[[nodiscard]] std::optional<missing_memory> find_missing(const catalog::store &store,
                                                         const std::string &name);

}  // namespace dynpgext::api
