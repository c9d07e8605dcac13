// Libraries of other extensions: their files, whether they take part, their functions.
#pragma once

#include "pg/border.h"

struct dynpgext_magic;

namespace dynpgext::pg {

// The file that the server would load for a name from pg_proc.probin or a control file's
// module_pathname ('$libdir/x', a bare 'x', a path; with or without the suffix); empty if there is
// none.
[[nodiscard]] std::string library_file(const std::string &name);

// Identity and state of the file at a path; all 0 if there is none.  Overwriting or replacing the
// file changes it.
struct file_identity {
  uint64 device;
  uint64 inode;
  int64 size;      // bytes
  int64 modified;  // nanoseconds since 1970
  bool operator==(const file_identity &) const = default;
};
[[nodiscard]] file_identity identify_file(const char *path) noexcept;

// Distinguishes builds of a library; copies of a file that keep its date are equal.
struct library_build {
  int64 size;      // bytes; 0: none
  int64 modified;  // nanoseconds since 1970
  bool operator==(const library_build &) const = default;
  [[nodiscard]] bool is_known() const { return size != 0; }
};
[[nodiscard]] inline library_build build_of(const file_identity &file) {
  return {file.size, file.modified};
}

// Does the library define the symbol?  Uses a plain dlopen, and closes the library again: neither
// the server's magic check nor _PG_init runs.  Also false if the file cannot be opened.
[[nodiscard]] bool library_defines(const std::string &file, const char *symbol);

// Loads the library like the server (_PG_init runs, once in a process) and returns the address of a
// function in it, or nullptr if the library has none of that name.  ERROR 58P01 if there is no such
// file.
[[nodiscard]] void *library_function(const std::string &name, const char *function);

// The libraries of the C functions of an installed extension, sorted.
[[nodiscard]] std::vector<std::string> libraries_of_functions(Oid extension);

}  // namespace dynpgext::pg
