#include "pg/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

extern "C" {
#include "storage/fd.h"
}

namespace dynpgext::pg {
namespace {

// Like errcode_for_file_access(), which works only within ereport().
int sqlstate_of(int error_number) {
  switch (error_number) {
    case EPERM:
    case EACCES:
    case EROFS: return ERRCODE_INSUFFICIENT_PRIVILEGE;
    case ENOENT: return ERRCODE_UNDEFINED_FILE;
    case EISDIR:
    case ENOTDIR:
    case ELOOP:
    case ENXIO: return ERRCODE_WRONG_OBJECT_TYPE;
    case ENOSPC:
    case EDQUOT: return ERRCODE_DISK_FULL;
    case ENOMEM: return ERRCODE_OUT_OF_MEMORY;
    case EMFILE:
    case ENFILE: return ERRCODE_INSUFFICIENT_RESOURCES;
    case EIO: return ERRCODE_IO_ERROR;
    default: return ERRCODE_INTERNAL_ERROR;
  }
}

[[noreturn]] void fail(int error_number, const char *verb, const char *path) {
  throw error(sqlstate_of(error_number), std::string("could not ") + verb + " file \"" + path +
                                             "\": " + strerror(error_number));
}

class descriptor {
 public:
  descriptor(const char *path, int flags)
      : number_(call([=] { return BasicOpenFile(path, flags | O_CLOEXEC | PG_BINARY); })) {}
  descriptor(const descriptor &) = delete;
  descriptor &operator=(const descriptor &) = delete;
  ~descriptor() {
    if (number_ >= 0) (void)close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

mapped_file map(const descriptor &file, const char *path) {
  struct stat status {};
  if (fstat(file.number(), &status) != 0) fail(errno, "read the status of", path);
  if (!S_ISREG(status.st_mode)) fail(ENXIO, "map", path);
  mapped_file mapped{{}, static_cast<uint64>(status.st_ino)};
  if (status.st_size == 0) return mapped;  // cannot be mapped
  const auto size = static_cast<size_t>(status.st_size);
  void *start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
  if (start == MAP_FAILED) fail(errno, "map", path);
  mapped.content = {static_cast<char *>(start), size};
  return mapped;
}

// Writes zeros: extending the file would leave holes.
void write_zeros(const descriptor &file, const char *path, size_t size) {
  static constexpr char zeros[8192] = {};
  for (size_t done = 0; done < size;) {
    errno = 0;
    const ssize_t written =
        pwrite(file.number(), zeros, std::min(sizeof zeros, size - done), static_cast<off_t>(done));
    if (written > 0)
      done += static_cast<size_t>(written);
    else if (errno != EINTR)
      fail(errno != 0 ? errno : ENOSPC, "write", path);
  }
}

}  // namespace

std::optional<mapped_file> map_file(const char *path) {
  const descriptor file(path, O_RDWR | O_NOFOLLOW);
  if (file.number() < 0) {
    if (errno == ENOENT) return std::nullopt;
    fail(errno, "open", path);
  }
  return map(file, path);
}

mapped_file make_mapped_file(const char *path, size_t size) {
  if (unlink(path) != 0 && errno != ENOENT) fail(errno, "remove", path);
  const descriptor file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
  if (file.number() < 0) fail(errno, "create", path);
  write_zeros(file, path, size);
  return map(file, path);
}

void unmap_file(const mapped_file &file) noexcept {
  if (!file.content.empty()) (void)munmap(file.content.data(), file.content.size());
}

}  // namespace dynpgext::pg
