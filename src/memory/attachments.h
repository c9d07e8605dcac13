// Allocations that this process has looked up: names to addresses, without a lock after the first
// time.
#pragma once

#include <string>

#include "memory/allocations.h"

namespace dynpgext::state {

// The fast path of dynpgext_lookup_shmem(): the address if this process has looked the name up
// before and nothing has changed since; otherwise nullptr.  Reads one shared counter, writes
// nothing shared, takes no lock, allocates nothing.
[[nodiscard]] void *find_attached(const char *name) noexcept;

// Looks a name up in shared memory and attaches to it: a published instance of this process's
// database or a global one, or one held by this transaction. nullptr if there is none.  Waits while
// another process initialises registered memory.
[[nodiscard]] void *attach_allocation(shared &s, const std::string &name,
                                      std::span<const hold> own);
// Is it a global name registered by a database other than `database`?
[[nodiscard]] bool is_registered_elsewhere(const shared &s, const std::string &name, Oid database);

struct attachment;

// Keeps memory attached for its own lifetime, for reading only: afterwards the process is attached
// only if it was before.
class loan {
 public:
  loan() = default;  // empty
  loan(attachment *a, instance *target, bool ends) noexcept
      : attachment_(a), target_(target), ends_(ends) {}
  loan(loan &&other) noexcept;
  loan &operator=(loan &&other) noexcept;
  ~loan();
  [[nodiscard]] explicit operator bool() const { return target_ != nullptr; }
  [[nodiscard]] const void *memory() const { return target_->memory(); }
  // Constant during its lifetime.
  [[nodiscard]] uint64 size() const { return target_->size; }
  [[nodiscard]] std::string extension() const { return std::string(target_->extension()); }

 private:
  attachment *attachment_ = nullptr;
  instance *target_ = nullptr;
  bool ends_ = false;  // the process was not attached before
};
// Like attach_allocation().
[[nodiscard]] loan borrow_allocation(shared &s, const std::string &name, std::span<const hold> own);
// The newest dropped memory of the name to which this process is still attached.
[[nodiscard]] loan borrow_draining(const std::string &name);

// Releases a name; false if this process has not looked it up.
bool detach_allocation(const std::string &name) noexcept;
// Releases everything; at process exit.
void detach_all() noexcept;

// While a transaction registers or drops names, its snapshot decides their meaning: the fast path
// is off.
void bypass_cache(bool on) noexcept;

}  // namespace dynpgext::state
