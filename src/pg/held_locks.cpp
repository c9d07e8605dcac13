#include "pg/held_locks.h"

namespace dynpgext::pg::held_locks {
namespace {

constexpr size_t most = 200;  // maximum in a process: MAX_SIMUL_LWLOCKS of the server

struct list {
  size_t count;
  LWLock *locks[most];

  void add(LWLock *lock) noexcept {
    if (count < most) locks[count++] = lock;
  }
  [[nodiscard]] bool has(const LWLock *lock) const noexcept {
    return std::find(locks, locks + count, lock) != locks + count;
  }
};

constinit list kept{};

// If the server does not list the locks of a process, it can still tell whether one of them is in a
// range.  Bisecting the address space finds them: some 100 microseconds, only after an ERROR.
using address = std::uintptr_t;
constexpr size_t alignment = alignof(LWLock);
constexpr address range = address{1} << 32;
constexpr address end_of_addresses = sizeof(void *) > 4 ? address{1} << 48 : ~address{0};

bool is_any_in(address begin, address size) noexcept {
  return LWLockAnyHeldByMe(reinterpret_cast<LWLock *>(begin), static_cast<int>(size / alignment),
                           alignment);
}

void find_in(address begin, address size, list *into) noexcept {
  if (!is_any_in(begin, size)) return;
  if (size == alignment) return into->add(reinterpret_cast<LWLock *>(begin));
  find_in(begin, size / 2, into);
  find_in(begin + size / 2, size / 2, into);
}

void find_held(list *into) noexcept {
  const auto add = [](LWLock *lock, LWLockMode, void *context) {
    static_cast<list *>(context)->add(lock);
  };
  if (versions::each_held_lock(add, into)) return;
  for (address begin = 0; begin < end_of_addresses; begin += range) find_in(begin, range, into);
}

list others() noexcept {
  list held{};
  find_held(&held);
  LWLock **const end =
      std::remove_if(held.locks, held.locks + held.count, [](LWLock *l) { return kept.has(l); });
  held.count = static_cast<size_t>(end - held.locks);
  return held;
}

}  // namespace

void keep(LWLock *lock) noexcept { kept.add(lock); }

void forget(LWLock *lock) noexcept {
  for (size_t i = kept.count; i-- > 0;) {
    if (kept.locks[i] != lock) continue;
    std::copy(kept.locks + i + 1, kept.locks + kept.count, kept.locks + i);
    --kept.count;
    return;
  }
}

size_t keep_all() noexcept {
  const size_t mark = kept.count;
  const list held = others();
  for (size_t i = 0; i < held.count; ++i) keep(held.locks[i]);
  return mark;
}

void forget_since(size_t mark) noexcept { kept.count = std::min(kept.count, mark); }

void release_others() noexcept {
  if (kept.count == 0) return LWLockReleaseAll();
  const list held = others();
  for (size_t i = held.count; i-- > 0;) {
    HOLD_INTERRUPTS();  // like LWLockReleaseAll(): a release decrements it
    LWLockRelease(held.locks[i]);
  }
}

void release_all() noexcept {
  LWLockReleaseAll();
  kept.count = 0;
}

bool has_others() noexcept { return others().count > 0; }

}  // namespace dynpgext::pg::held_locks
