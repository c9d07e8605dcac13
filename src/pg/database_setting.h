// What ALTER DATABASE ... SET says of one setting, for any database.
#pragma once

#include <map>

#include "pg/border.h"

namespace dynpgext::pg {

// Read from pg_db_role_setting, which all databases share, when it is made; in a transaction.
// Settings for a role in a database do not count.
class database_settings {
 public:
  explicit database_settings(const char *name);
  // As text; nothing where the database has none of its own, and the server's holds.
  [[nodiscard]] std::optional<std::string> of(Oid database) const;

 private:
  std::map<Oid, std::string> values_;
};

}  // namespace dynpgext::pg
