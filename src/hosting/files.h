// The files of a hosted library, see model/instance_files.h.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// The name by which this process opens a file of the library.  It may stand in a frame that an
// ERROR skips, and leaves errno alone.
class own_path {
 public:
  own_path(const library &l, const char *path) noexcept;
  own_path(const own_path &) = delete;
  own_path &operator=(const own_path &) = delete;
  ~own_path() = default;
  operator const char *() const { return path_; }

  // The keeper ends, but not the instance: it keeps the file.
  [[nodiscard]] bool is_kept() const { return is_kept_; }

 private:
  const char *path_;
  bool is_kept_ = false;
  char buffer_[MAXPGPATH];
};

// Before the first library of this process is loaded: notes at its exit which files they have. The
// libraries' own callbacks come later, without shared memory.
void watch_files();

// In the keeper of a new instance: removes what earlier runs of the server have left.  A run counts
// instances from 1.
void remove_left_files(state::shared &s, uint64 number);

}  // namespace dynpgext::hosting
