// The file of a library to host: its path, its identity, and its bytes.
#pragma once

#include "model/host_needs.h"
#include "pg/library.h"

namespace dynpgext::hosting {

struct library_file {
  std::string path;
  pg::file_identity identity;
  std::string bytes;
};

// For a library in $libdir, by name without a folder.  22023 for an invalid name, 58P01 if there is
// no file; runs none of its code.
[[nodiscard]] library_file read_library(const std::string &name);
// The same for a path.
[[nodiscard]] library_file read_file(const std::string &path);
// The name without the platform's suffix.  22023 as above.
[[nodiscard]] std::string plain_name(const std::string &name);

[[nodiscard]] std::vector<model::host_finding> findings_of(const library_file &file);

}  // namespace dynpgext::hosting
