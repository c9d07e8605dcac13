// What this process has looked up: names to addresses, without a lock after the first time.
#pragma once

#include <string>

#include "memory/allocations.h"

namespace dynpgext::state {

// The fast path of dynpgext_lookup_shmem(): the address if this process has looked the name
// up before and nothing has changed since; nullptr otherwise.  Reads one shared counter,
// writes nothing shared, takes no lock, allocates nothing.
[[nodiscard]] void *find_attached(const char *name) noexcept;

// Looks a name up in shared memory and attaches to it: a published instance of this
// process's database or a global one, or one that this transaction holds.  nullptr when
// there is none.  Waits while another process initialises what is registered.
[[nodiscard]] void *attach_allocation(shared &s, const std::string &name,
                                      std::span<const hold> own);
// Is it a global name that another database than `database` registers?
[[nodiscard]] bool is_registered_elsewhere(const shared &s, const std::string &name, Oid database);

struct attachment;

// Memory that stays as long as this object does, for whoever only reads it: afterwards the
// process is attached to it if it was before, and not otherwise.
class loan {
 public:
  loan() = default;  // of nothing
  loan(attachment *a, instance *target, bool ends) noexcept
      : attachment_(a), target_(target), ends_(ends) {}
  loan(loan &&other) noexcept;
  loan &operator=(loan &&other) noexcept;
  ~loan();
  [[nodiscard]] explicit operator bool() const { return target_ != nullptr; }
  [[nodiscard]] const void *memory() const { return target_->memory(); }
  // These do not change while it is there.
  [[nodiscard]] uint64 size() const { return target_->size; }
  [[nodiscard]] std::string extension() const { return std::string(target_->extension()); }

 private:
  attachment *attachment_ = nullptr;
  instance *target_ = nullptr;
  bool ends_ = false;  // the process was not attached before
};
// As attach_allocation().
[[nodiscard]] loan borrow_allocation(shared &s, const std::string &name, std::span<const hold> own);
// The newest memory of the name that has been dropped and that this process still has.
[[nodiscard]] loan borrow_draining(const std::string &name);

// Lets go of a name; false when this process has not looked it up.
bool detach_allocation(const std::string &name) noexcept;
// Lets go of everything; at process exit.
void detach_all() noexcept;

// While a transaction registers or drops names, what they mean is decided by its snapshot:
// the fast path is off.
void bypass_cache(bool on) noexcept;

}  // namespace dynpgext::state
