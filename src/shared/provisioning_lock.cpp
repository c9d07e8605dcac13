#include "shared/provisioning_lock.h"

#include "pg/fault.h"
#include "pg/process.h"

namespace dynpgext::state {
namespace {

// After this wait, a WARNING names the holder.
constexpr int64 patience_milliseconds = 3000;

// The database whose lock this process holds (0: none), and how often it has taken it.
constinit Oid held = InvalidOid;
constinit int depth = 0;

void set_provisioner(shared &s, Oid database) {
  if (depth > 0 && held != database) return;  // the outer one counts
  const exclusive lock(s);
  database_entry *entry =
      database == MyDatabaseId ? s.databases.insert({database}) : s.databases.find({database});
  if (entry == nullptr) return;
  if (std::exchange(entry->provisioner, MyProcPid) != MyProcPid) {
    depth = 0;  // even after a rollback to a savepoint has released the lock
    entry->provisioned_extension = {};
  }
  held = database;
  ++depth;
}

void clear_provisioner(shared &s) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({held});
  if (entry != nullptr && entry->provisioner == MyProcPid) {
    entry->provisioner = 0;
    entry->provisioned_extension = {};
  }
  held = InvalidOid;
  depth = 0;
}

provisioner provisioner_of(shared &s, Oid database) {
  for (const provisioner &p : provisioners(s))
    if (p.database == database) return p;
  return {};
}

void warn_of_wait(shared &s, Oid database) {
  const provisioner p = provisioner_of(s, database);
  const std::string process = p.pid == 0 ? "another process" : "process " + std::to_string(p.pid);
  if (p.extension.empty())
    pg::log(WARNING,
            "waiting for " + process + ", which changes provisioned objects of this database",
            "The wait ends with the transaction of that process.");
  else
    pg::log(WARNING,
            "waiting for " + process + ", which is provisioning extension \"" + p.extension + "\"",
            "dynpgext.provisioning_timeout limits the run time of an extension's code; "
            "pg_cancel_backend() and pg_terminate_backend() end it.");
}

void acquire(shared &s, Oid database) {
  if (!pg::provisioning_lock::acquire_within(database, patience_milliseconds)) {
    warn_of_wait(s, database);
    pg::provisioning_lock::acquire(database);
  }
}

}  // namespace

void acquire_provisioning_lock(shared &s, Oid database) {
  acquire(s, database);
  set_provisioner(s, database);
}

scoped_provisioning_lock::scoped_provisioning_lock(shared &s, Oid database)
    : shared_(s), database_(database) {
  acquire_provisioning_lock(s, database);
}

scoped_provisioning_lock::~scoped_provisioning_lock() {
  if (kept_ || !pg::provisioning_lock::is_held(database_)) return;
  (void)pg::swallow("releasing a lock", [&] {
    DYNPGEXT_FAULT_POINT("lock.releasing");
    if (held == database_ && --depth == 0) clear_provisioner(shared_);
    pg::provisioning_lock::release(database_);
  });
}

void await_provisioning(shared &s, Oid database) {
  if (pg::provisioning_lock::is_held(database)) return;
  acquire(s, database);
  pg::provisioning_lock::release(database);
}

void forget_provisioner() noexcept {
  if (!OidIsValid(held)) return;
  (void)pg::swallow("ending a transaction", [] { clear_provisioner(*attached()); });
}

bool is_provisioner() noexcept { return OidIsValid(held); }

void give_up_provisioning() noexcept {
  const Oid database = held;
  const int times = depth;
  forget_provisioner();
  (void)pg::swallow("releasing a lock", [=] {
    for (int i = 0; i < times && pg::provisioning_lock::is_held(database); ++i)
      pg::provisioning_lock::release(database);
  });
}

void name_provisioned(std::string_view extension) noexcept {
  if (held != MyDatabaseId || !OidIsValid(held)) return;
  (void)pg::swallow("naming the extension that is provisioned", [=] {
    if (extension.empty()) DYNPGEXT_FAULT_POINT("code.over");
    shared &s = *attached();
    const exclusive lock(s);
    database_entry *entry = s.databases.find({held});
    if (entry == nullptr || entry->provisioner != MyProcPid) return;
    entry->provisioned_extension.assign(extension);
    entry->code_since = pg::moment::now();
  });
}

std::vector<provisioner> provisioners(shared &s) {
  std::vector<provisioner> result;
  const reading lock(s);
  for (const database_entry *entry : s.databases.entries())
    if (entry->provisioner != 0)
      result.push_back(
          {entry->key.database, entry->provisioner, entry->provisioned_extension.str()});
  return result;
}

}  // namespace dynpgext::state
