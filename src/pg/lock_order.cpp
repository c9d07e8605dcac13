#include "pg/lock_order.h"

#if DYNPGEXT_CHECKS

namespace dynpgext::pg::lock_order {
namespace {

constexpr size_t ranks = static_cast<size_t>(lock_rank::root) + 1;
constexpr std::array<const char *, ranks> names{"a table", "the provisioning lock", "a claim",
                                                "the root lock"};
constinit std::array<int, ranks> held{};

size_t index_of(lock_rank rank) noexcept { return static_cast<size_t>(rank); }

}  // namespace

void broken(lock_rank wanted, const char *holding) noexcept {
  write_stderr("dynpgext: broken order of locks: waiting for %s while holding %s\n",
               names[index_of(wanted)], holding);
  abort();
}

void acquiring(lock_rank rank) noexcept {
  for (size_t later = index_of(rank) + 1; later < ranks; ++later)
    if (held[later] > 0) broken(rank, names[later]);
  if (rank != lock_rank::root) return;
  if (held[index_of(rank)] > 0) broken(rank, names[index_of(rank)]);
  // if the check is cheap
  if (versions::lists_held_locks && held_locks::has_others())
    broken(rank, "an LWLock of the server's");
}

void acquired(lock_rank rank) noexcept { ++held[index_of(rank)]; }

void released(lock_rank rank) noexcept {
  if (held[index_of(rank)] > 0) --held[index_of(rank)];
}

void forget_all() noexcept { held = {}; }

}  // namespace dynpgext::pg::lock_order

#endif
