// The hosted libraries of this database: table dynpgext.hosted_libraries.
#pragma once

#include "catalog/store.h"

namespace dynpgext::catalog {

struct hosted_row {
  std::string library;  // a name in $libdir
  bool is_global = true;
  int32 position = 0;
  std::string settings;  // a JSON object; empty: none
  bool sessions = true;
};

[[nodiscard]] std::vector<hosted_row> read_hosted(const store &store);
// 55006 if another transaction is about to write one for the same library.
void write_hosted(const store &store, const hosted_row &row);
void erase_hosted(const store &store, const std::string &library);

}  // namespace dynpgext::catalog
