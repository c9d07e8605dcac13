#include "pg/own_library.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

extern "C" {
#include "storage/copydir.h"
#include "storage/fd.h"
}

namespace dynpgext::pg {
namespace {

// The server does not empty this folder, and base backups and pg_rewind leave it out.
constexpr const char *folder = PG_STAT_TMP_DIR;
constexpr std::string_view prefix = "dynpgext-layout";

constinit file_identity loaded{};

// The copy gets the date of the file loaded by this process, which identifies the build.
void copy(const char *from, const char *to) {
  call([=] { copy_file(const_cast<char *>(from), const_cast<char *>(to)); });
  constexpr int64 second = 1000000000;
  const timespec modified{loaded.modified / second, loaded.modified % second};
  const timespec times[] = {modified, modified};
  if (utimensat(AT_FDCWD, to, times, 0) != 0)
    throw error(ERRCODE_IO_ERROR,
                "could not set the date of file \"" + std::string(to) + "\": " + strerror(errno));
}

void remove_others(std::string_view kept) {
  const std::unique_ptr<DIR, int (*)(DIR *)> files(opendir(folder), closedir);
  while (files != nullptr) {
    const dirent *file = readdir(files.get());
    if (file == nullptr) return;
    const std::string_view name = file->d_name;
    if (name.starts_with(prefix) && name != kept)
      (void)unlink((std::string(folder) + "/" + file->d_name).c_str());
  }
}

}  // namespace

const char *own_file() noexcept {
  static Dl_info info;
  static const bool is_known = dladdr(reinterpret_cast<void *>(&own_file), &info) != 0;
  return is_known && info.dli_fname[0] == '/' ? info.dli_fname : "";
}

const char *installed_file() {
  static std::string searched;  // for a kept copy
  std::string_view name = own_file();
  name.remove_prefix(name.rfind('/') + 1);
  if (name.starts_with(prefix) && searched.empty()) searched = library_file("$libdir/dynpgext");
  return searched.empty() ? own_file() : searched.c_str();
}

// The server's field is 96 bytes up to PostgreSQL 16; a longer path is replaced with the usual one.
const char *own_library() {
  static char name[sizeof(BackgroundWorker::bgw_library_name)];
  if (name[0] == '\0') {
    const char *file = installed_file();
    const bool fits = *file != '\0' && std::strlen(file) < sizeof name;
    strlcpy(name, fits ? file : "$libdir/dynpgext", sizeof name);
  }
  return name;
}

void note_own_file() noexcept { loaded = identify_file(own_file()); }

file_identity own_identity() noexcept { return loaded; }

library_build own_build() noexcept { return build_of(loaded); }

library_build installed_build() { return build_of(identify_file(installed_file())); }

bool is_own_file_replaced() noexcept { return identify_file(own_file()) != loaded; }

std::string kept_library(uint32 layout) {
  return std::string(DataDir) + "/" + folder + "/" + std::string(prefix) + std::to_string(layout) +
         DLSUFFIX;
}

void keep_own_library(uint32 layout) {
  const std::string kept = kept_library(layout);
  remove_others(std::string_view(kept).substr(kept.rfind('/') + 1));
  const file_identity known = identify_file(kept.c_str());
  const bool is_same = build_of(known) == own_build();
  if (known == loaded || is_same || loaded == file_identity{} || is_own_file_replaced()) return;
  // an incomplete file is removed the next time
  const std::string fresh = kept + ".new";
  const char *const from = fresh.c_str();
  const char *const to = kept.c_str();
  copy(own_file(), from);
  if (is_own_file_replaced()) return;  // replaced meanwhile
  call([=] { (void)durable_rename(from, to, ERROR); });
}

}  // namespace dynpgext::pg
