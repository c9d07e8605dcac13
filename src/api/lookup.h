// The functions behind dynpgext.h, for every process; and lookups for what is called from SQL.
#pragma once

#include <optional>
#include <string>

#include "catalog/store.h"
#include "memory/attachments.h"
#include "model/state.h"

namespace dynpgext::api {

// Puts the table of functions where dynpgext.h looks for it.
void publish_table();

// What dynpgext_lookup_shmem() would find, provisioned where it would be, for reading.  Else what
// has been dropped and is still looked up by this process.  `name` is not too long for one.
[[nodiscard]] state::loan borrow(const std::string &name);

// Why there is no memory of a name that is registered in this database, or as a global one in
// another that is known.
struct missing_memory {
  std::string extension;
  model::extension_state state;
  std::string reason;  // of what is failed or quarantined
  Oid database;        // that registers it
};
[[nodiscard]] std::optional<missing_memory> find_missing(const catalog::store &store,
                                                         const std::string &name);

}  // namespace dynpgext::api
