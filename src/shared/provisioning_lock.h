// The provisioning lock of a database (pg/lock.h), and its holder.
//
// The holder may run an extension's init, which may never end, and others wait for it in a commit,
// where statement_timeout no longer applies.  So the holder's pid and the extension whose code it
// runs are in the entry of the database, from taking the lock until shortly before releasing it.
// After some seconds of waiting, a WARNING names both.  A command that changes registrations waits
// once while it is still a command (await_provisioning()).
#pragma once

#include "pg/lock.h"
#include "shared/root.h"

namespace dynpgext::state {

// Until the end of the transaction, for this process's database or another one.
void acquire_provisioning_lock(shared &s, Oid database);

// The same for a scope.
class scoped_provisioning_lock {
 public:
  scoped_provisioning_lock(shared &s, Oid database);
  scoped_provisioning_lock(const scoped_provisioning_lock &) = delete;
  scoped_provisioning_lock &operator=(const scoped_provisioning_lock &) = delete;
  ~scoped_provisioning_lock();
  // until the end of the transaction
  void keep() {
    kept_ = true;
    pg::provisioning_lock::keep(database_);
  }

 private:
  shared &shared_;
  Oid database_;
  bool kept_ = false;
};

// Waits until no other process holds it.
void await_provisioning(shared &s, Oid database);

// Has the transaction failed while others may have to wait for its end?
[[nodiscard]] bool is_provisioner() noexcept;
void give_up_provisioning() noexcept;

// For the end of a transaction, before the server releases the lock.  Never fails.
void forget_provisioner() noexcept;

// If this process is the holder, it runs code of this extension from now on; empty: of none.  For
// destructors: never fails.
void name_provisioned(std::string_view extension) noexcept;

struct provisioner {
  Oid database = InvalidOid;
  pid_t pid = 0;  // 0: none, as far as is known
  std::string extension;
};
[[nodiscard]] std::vector<provisioner> provisioners(shared &s);

}  // namespace dynpgext::state
