// Files of the data directory that processes share by mapping them into their memory.
//
// What is stored in such memory outlives the process at once, however it ends, and the server's
// shared memory too.  Every page of the file has its place on the disk before it is mapped: a
// full disk would otherwise end a process that stores something with SIGBUS.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

struct mapped_file {
  std::span<char> content;  // at the beginning of a page
  uint64 inode = 0;         // tells a file from a copy of it
};

// All of an existing file; nothing where there is none.  42809 where it is something else, a
// symbolic link, too: what that leads to is not ours.  An error with the path, and the SQLSTATE
// of what the system says.  No file stays open.
[[nodiscard]] std::optional<mapped_file> map_file(const char *path);

// The same of a new file of `size` zeros.  It takes the place of one that is there, whatever that
// is, but for a directory; nobody may have that mapped.
[[nodiscard]] mapped_file make_mapped_file(const char *path, size_t size);

void unmap_file(const mapped_file &file) noexcept;

}  // namespace dynpgext::pg
