#include "pg/own_library.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace dynpgext::pg {
namespace {

// The server does not empty this folder, and base backups and pg_rewind leave out what is in it.
constexpr const char *folder = PG_STAT_TMP_DIR;
constexpr std::string_view prefix = "dynpgext-layout";

constinit file_identity loaded{};

using open_file = std::unique_ptr<std::FILE, int (*)(std::FILE *)>;

open_file open(const std::string &path, const char *mode) {
  open_file file(std::fopen(path.c_str(), mode), std::fclose);
  if (file == nullptr)
    throw error(ERRCODE_IO_ERROR, "could not open file \"" + path + "\": " + strerror(errno));
  return file;
}

void copy(const std::string &from, const std::string &to) {
  const open_file source = open(from, "rb");
  const open_file target = open(to, "wb");
  char part[size_t{64} << 10];
  bool is_written = true;
  while (const size_t size = std::fread(part, 1, sizeof part, source.get()))
    is_written = is_written && std::fwrite(part, 1, size, target.get()) == size;
  is_written = is_written && std::fflush(target.get()) == 0 && std::ferror(source.get()) == 0;
  // tells it from another one, when it is to be kept again
  struct stat status;
  const bool is_dated = fstat(fileno(source.get()), &status) == 0;
  const timespec times[] = {status.st_atim, status.st_mtim};
  if (!is_written || !is_dated || futimens(fileno(target.get()), times) != 0) {
    const int why = errno;
    (void)unlink(to.c_str());
    throw error(ERRCODE_IO_ERROR,
                "could not copy file \"" + from + "\" to \"" + to + "\": " + strerror(why));
  }
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
  static const std::string searched = [] {
    const std::string_view name = own_file();
    return name.find(prefix) == std::string_view::npos ? "" : library_file("$libdir/dynpgext");
  }();
  return searched.empty() ? own_file() : searched.c_str();
}

// The server's field is 96 bytes up to PostgreSQL 16, then the usual place must do.
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
  const std::string fresh = kept + ".new";
  copy(own_file(), fresh);
  if (std::rename(fresh.c_str(), kept.c_str()) != 0)
    throw error(ERRCODE_IO_ERROR,
                "could not rename file \"" + fresh + "\" to \"" + kept + "\": " + strerror(errno));
}

}  // namespace dynpgext::pg
