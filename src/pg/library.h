// Libraries of other extensions: where they are, whether they take part, their functions.
#pragma once

#include "pg/border.h"

struct dynpgext_magic;

namespace dynpgext::pg {

// The file that the server would load for a name as in pg_proc.probin or a control file's
// module_pathname ('$libdir/x', a bare 'x', a path; with or without the suffix); empty when
// there is none.
[[nodiscard]] std::string library_file(const std::string &name);

// Which file is at a path, and in which state; all 0 where there is none.  An overwritten or
// replaced file is another one.
struct file_identity {
  uint64 device;
  uint64 inode;
  int64 size;      // bytes
  int64 modified;  // nanoseconds since 1970
  bool operator==(const file_identity &) const = default;
};
[[nodiscard]] file_identity identify_file(const char *path) noexcept;

// Tells one build of a library from another; copies of a file that keep its date are the same.
struct library_build {
  int64 size;      // bytes; 0: none
  int64 modified;  // nanoseconds since 1970
  bool operator==(const library_build &) const = default;
  [[nodiscard]] bool is_known() const { return size != 0; }
};
[[nodiscard]] inline library_build build_of(const file_identity &file) {
  return {file.size, file.modified};
}

// Does the library define the symbol?  Looks with a plain dlopen, and closes again: neither
// the server's magic check nor _PG_init runs.  False, too, where the file cannot be opened.
[[nodiscard]] bool library_defines(const std::string &file, const char *symbol);

// Loads the library as the server does (_PG_init runs, once for a process) and returns the
// address of a function in it, or nullptr when the library has none of that name.
// ERROR 58P01 when there is no such file.
[[nodiscard]] void *library_function(const std::string &name, const char *function);

// The names of libraries that the C functions of an installed extension live in, sorted.
[[nodiscard]] std::vector<std::string> libraries_of_functions(Oid extension);

}  // namespace dynpgext::pg
