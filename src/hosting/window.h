// The memory of a hosted library: a segment that is mapped at the same address in every process,
// because extensions and the server's hash tables keep addresses in shared memory.
//
// Its beginning holds the data common to all processes: structs by name, tranches, workers, and the
// values of settings when the library was hosted.  Lists there are linked by address.
#pragma once

#include "hosting/block.h"

namespace dynpgext::hosting {

// An unused range on x86-64 and on aarch64 with addresses of 47 bits or more: far above programs
// and heaps, far below libraries and stacks.  One for each place of the block.
inline constexpr uint64 first_window = 0x3f0000000000;
inline constexpr uint64 window_distance = uint64{64} << 30;

struct named_memory {
  named_memory *next;
  const char *name;
  void *memory;
  uint64 size;
};

struct named_tranche {
  named_tranche *next;
  const char *name;
  LWLockPadded *locks;
  int count;
  int id;
};

struct static_worker {
  static_worker *next;
  BackgroundWorker definition;
};

// A setting that only a restart would change.
struct kept_setting {
  kept_setting *next;
  const char *name;
  const char *value;  // nullptr: none
};

// A requested worker, until its process starts.
struct asked_worker {
  uint64 number;     // 0: free
  bool is_for_good;  // the postmaster restarts it
  char library[MAXPGPATH];
  char function[BGW_MAXLEN];
  char extra[BGW_EXTRALEN];
};

// A reference in the library's file to a redirected symbol.
struct redirected_place {
  redirected_place *next;
  const char *symbol;
  uint64 place;
  int64 addend;
};

struct window_header {
  LWLock lock;  // guards lists and asked_workers
  named_memory *memory;
  named_tranche *tranches;
  uint64 next_asked;
  asked_worker asked_workers[64];
  // constant once the library is hosted
  static_worker *workers;
  kept_setting *settings;
  redirected_place *redirected;
  uint64 read_only_begin, read_only_end;  // of the library's memory, before it is loaded
  uint64 reserved[8];
};

// In this process; the window stays mapped until its end.
class window {
 public:
  window() = default;
  [[nodiscard]] bool is_open() const { return header_ != nullptr; }
  [[nodiscard]] window_header &header() const { return *header_; }

  // Makes it with this many bytes in addition to the header.  53400 over dynpgext.memory_limit,
  // 53200 if the system refuses it; both errors name the sizes.
  void create(state::shared &s, instance &i, uint64 bytes);
  // 55000 if the memory is gone, or the address is in use.
  void map(state::shared &s, instance &i);

  // Zeroed, and aligned to a cache line; nullptr if there is no room.
  [[nodiscard]] void *take(uint64 size) const noexcept;
  // 53200 if there is no room.
  [[nodiscard]] void *require(uint64 size) const;
  template <class T>
  [[nodiscard]] T *make() const {
    static_assert(std::is_trivial_v<T>);
    return static_cast<T *>(require(sizeof(T)));
  }
  [[nodiscard]] const char *copy(std::string_view text) const;

 private:
  void place_at_its_address(const instance &i, dsm_segment *segment);

  window_header *header_ = nullptr;
  instance *instance_ = nullptr;
};

}  // namespace dynpgext::hosting
