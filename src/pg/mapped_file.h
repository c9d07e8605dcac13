// Files in the data directory that processes share by mapping them.
//
// Stores into such memory outlive the process at once, however it ends, and the server's shared
// memory, too.  Every page of the file is allocated on the disk before it is mapped: otherwise a
// full disk would end a storing process with SIGBUS.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

struct mapped_file {
  std::span<char> content;  // at the beginning of a page
  uint64 inode = 0;         // distinguishes a file from a copy of it
};

// All of an existing file; nullopt if there is none.  42809 for anything else, including a symbolic
// link, whose target is not ours.  Errors have the path, and the SQLSTATE of the system's error.
// No file stays open.
[[nodiscard]] std::optional<mapped_file> map_file(const char *path);

// The same for a new file of `size` zeros.  It replaces an existing one of any kind, except a
// directory; no process may have that one mapped.
[[nodiscard]] mapped_file make_mapped_file(const char *path, size_t size);

void unmap_file(const mapped_file &file) noexcept;

}  // namespace dynpgext::pg
