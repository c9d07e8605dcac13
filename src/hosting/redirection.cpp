#include "hosting/redirection.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hosting/library.h"

namespace dynpgext::hosting {
namespace {

// Makes whole pages of a library writable for a scope, which the dynamic loader has made read-only.
class writable_pages {
 public:
  writable_pages(uint64 base, const model::elf::address_range &range) {
    if (range.is_empty()) return;
    const auto page = static_cast<uint64>(sysconf(_SC_PAGESIZE));
    begin_ = TYPEALIGN_DOWN(page, base + range.begin);
    end_ = TYPEALIGN_DOWN(page, base + range.end);
    protect(PROT_READ | PROT_WRITE);
  }
  writable_pages(const writable_pages &) = delete;
  writable_pages &operator=(const writable_pages &) = delete;
  ~writable_pages() {
    if (begin_ < end_) (void)mprotect(reinterpret_cast<void *>(begin_), end_ - begin_, PROT_READ);
  }

 private:
  void protect(int how) const {
    if (begin_ < end_ && mprotect(reinterpret_cast<void *>(begin_), end_ - begin_, how) != 0)
      throw pg::error(ERRCODE_SYSTEM_ERROR,
                      std::string("could not change the protection of a library's memory: ") +
                          strerror(errno));
  }
  uint64 begin_ = 0;
  uint64 end_ = 0;
};

}  // namespace

namespace {

[[noreturn]] void refuse(const std::string &library, const std::string &refusal) {
  throw pg::error(ERRCODE_FEATURE_NOT_SUPPORTED, "library \"" + library + "\" cannot be hosted",
                  refusal,
                  "SELECT * FROM dynpgext.can_host('" + library + "') shows all it needs.");
}

redirection redirection_of(const model::elf::image &image) {
  redirection result;
  result.read_only = image.read_only;
  for (const model::elf::relocation &r : image.relocations) {
    const std::string_view symbol = image.imports[r.import];
    const model::host_symbol *known = model::find_host_symbol(symbol);
    if (known == nullptr ||
        (known->what != model::treatment::function && known->what != model::treatment::variable))
      continue;
    const bool adds = r.kind == model::elf::relocation_kind::address_and_addend;
    result.references.push_back({std::string(symbol), r.place, adds ? r.addend : 0});
  }
  return result;
}

}  // namespace

redirection redirection_of(const std::string &library, const library_file &file) {
  const model::elf::read_result read = model::elf::read(file.bytes);
  const std::string refusal = model::refusal_of(model::host_needs(read, model::elf::own_machine()));
  if (!refusal.empty()) refuse(library, refusal);
  return redirection_of(*read.image);
}

redirection redirection_of_second(const std::string &library, const library_file &file) {
  const model::elf::read_result read = model::elf::read(file.bytes);
  if (!read.image) return {};  // the server reports what is wrong with it
  const std::string refusal = model::refusal_of(model::references_of(*read.image));
  if (!refusal.empty()) refuse(library, refusal);
  return redirection_of(*read.image);
}

void open_redirected(const std::string &path, const pg::file_identity &identity,
                     const redirection &what, int place) {
  // never closed: from now on the server also has it open
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr)
    throw pg::error(ERRCODE_UNDEFINED_FILE, std::string("could not load library: ") + dlerror());
  if (!(pg::identify_file(path.c_str()) == identity))
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "the library \"" + path + "\" has been replaced", {},
                    "Use dynpgext.rehost() to host the new file.");
  link_map *map = nullptr;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
    throw pg::error(ERRCODE_SYSTEM_ERROR, std::string("could not examine library: ") + dlerror());
  const uint64 base = map->l_addr;
  const writable_pages writable(base, what.read_only);
  for (const redirected_reference &r : what.references) {
    void *to = replacement(place, r.symbol);
    if (to == nullptr)
      throw pg::error(ERRCODE_FEATURE_NOT_SUPPORTED,
                      "\"" + r.symbol + "\" cannot be redirected on this version of the server");
    *reinterpret_cast<char **>(base + r.place) = static_cast<char *>(to) + r.addend;
  }
}

}  // namespace dynpgext::hosting
