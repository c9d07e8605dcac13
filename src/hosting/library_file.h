// The file of a library that is to be hosted: where it is, which one it is, and its bytes.
#pragma once

#include "model/host_needs.h"
#include "pg/library.h"

namespace dynpgext::hosting {

struct library_file {
  std::string path;
  pg::file_identity identity;
  std::string bytes;
};

// Of a library in $libdir, by its name without a folder.  22023 for what is no such name, 58P01
// where there is no file; nothing of the library is run.
[[nodiscard]] library_file read_library(const std::string &name);
// The same of a path.
[[nodiscard]] library_file read_file(const std::string &path);
// The name without the suffix of the platform.  22023 as above.
[[nodiscard]] std::string plain_name(const std::string &name);

[[nodiscard]] std::vector<model::host_finding> findings_of(const library_file &file);

}  // namespace dynpgext::hosting
