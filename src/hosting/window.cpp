#include "hosting/window.h"

#include <sys/mman.h>

#include "pg/settings.h"
#include "shared/charge.h"

namespace dynpgext::hosting {
namespace {

std::string sizes_of(const instance &i, uint64 size) {
  return "Library \"" + i.library.str() + "\" requests " + std::to_string(i.requested) +
         " bytes, and with the overhead of hosting " + std::to_string(size) + ".";
}

[[noreturn]] void refuse_limit(const instance &i, uint64 size, uint64 used, uint64 limit) {
  throw pg::error(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
                  "library \"" + i.library.str() +
                      "\" cannot be hosted: dynpgext.memory_limit is " + std::to_string(limit) +
                      " bytes",
                  sizes_of(i, size) + " " + std::to_string(used) + " bytes are in use.",
                  "Raise dynpgext.memory_limit, or have the library request less.");
}

[[noreturn]] void refuse_size(const instance &i, uint64 size, const char *why) {
  throw pg::error(
      ERRCODE_OUT_OF_MEMORY,
      "library \"" + i.library.str() + "\" cannot be hosted: there is no memory for it",
      sizes_of(i, size) + " " + why,
      "Make room for dynamic shared memory (/dev/shm), or have the library request less.");
}

dsm_segment *create_segment(const instance &i, uint64 size) {
  if (size > window_distance) refuse_size(i, size, "That is more than a window can have.");
  try {
    return pg::call([=] {
      dsm_segment *segment = dsm_create(size, 0);
      dsm_pin_segment(segment);
      dsm_pin_mapping(segment);
      return segment;
    });
  } catch (const pg::server_error &e) {
    if (!pg::is_refusal(e)) throw;
    refuse_size(i, size, e.what());
  }
}

}  // namespace

void window::create(state::shared &s, instance &i, uint64 bytes) {
  const uint64 size = TYPEALIGN(uint64{4096}, CACHELINEALIGN(sizeof(window_header)) + bytes);
  const uint64 limit = pg::settings::memory_limit_bytes();
  // roles that may host libraries have no limit as owners
  state::charge charge(s, InvalidOid, size, {.of_all = limit});
  if (!charge.fits()) refuse_limit(i, size, charge.used_by_all(), limit);
  dsm_segment *segment = create_segment(i, size);
  {
    const state::exclusive lock(s);
    i.memory = dsm_segment_handle(segment);
    i.size = size;  // from now on the charge belongs to the instance
  }
  (void)charge.keep();
  pg_atomic_write_u64(&i.used, CACHELINEALIGN(sizeof(window_header)));
  place_at_its_address(i, segment);
  instance_ = &i;
  std::memset(static_cast<void *>(header_), 0, sizeof *header_);
  LWLockInitialize(&header_->lock, s.root->tranche);
  header_->next_asked = 1;
}

void window::map(state::shared &, instance &i) {
  const dsm_handle memory = i.memory;
  dsm_segment *segment = pg::call([=] {
    dsm_segment *found = dsm_attach(memory);
    if (found != nullptr) dsm_pin_mapping(found);
    return found;
  });
  if (segment == nullptr)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "the memory of hosted library \"" + i.library.str() + "\" is gone");
  place_at_its_address(i, segment);
  instance_ = &i;
  for (const named_tranche *t = header_->tranches; t != nullptr; t = t->next)
    pg::register_lock_tranche(t->id, t->name);
}

// The segment also stays attached at the server's address: this keeps its memory until this process
// ends.  A second mapping of the same pages, made with an old size of 0, is at the window's
// address.
void window::place_at_its_address(const instance &i, dsm_segment *segment) {
  auto *wanted = reinterpret_cast<void *>(i.address);
  void *at = mmap(wanted, i.size, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (at == wanted)
    at = mremap(dsm_segment_address(segment), 0, i.size, MREMAP_MAYMOVE | MREMAP_FIXED, wanted);
  else if (at != MAP_FAILED)
    (void)munmap(at, i.size);  // the kernel has treated the address as a hint
  if (at != wanted)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "the memory of hosted library \"" + i.library.str() +
                        "\" cannot be mapped at its address",
                    std::string("The system reports: ") + strerror(errno) + ".");
  header_ = static_cast<window_header *>(wanted);
}

void *window::take(uint64 size) const noexcept {
  if (size > instance_->size) return nullptr;
  const uint64 aligned = CACHELINEALIGN(size);
  uint64 used = pg_atomic_read_u64(&instance_->used);
  do {
    if (aligned > instance_->size - used) return nullptr;
  } while (!pg_atomic_compare_exchange_u64(&instance_->used, &used, used + aligned));
  return std::memset(reinterpret_cast<char *>(header_) + used, 0, size);
}

void *window::require(uint64 size) const {
  void *memory = take(size);
  if (memory == nullptr)
    throw pg::error(ERRCODE_OUT_OF_MEMORY,
                    "hosted library \"" + instance_->library.str() + "\" has no shared memory left",
                    std::to_string(size) + " bytes are wanted, and " +
                        std::to_string(instance_->size - pg_atomic_read_u64(&instance_->used)) +
                        " are left of " + std::to_string(instance_->size) + ".");
  return memory;
}

const char *window::copy(std::string_view text) const {
  auto *to = static_cast<char *>(require(text.size() + 1));
  text.copy(to, text.size());
  return to;
}

}  // namespace dynpgext::hosting
