#include "pg/database_lock.h"

#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// The lock mode of a connecting process, which conflicts with all of those commands.
constexpr LOCKMODE connecting = RowExclusiveLock;
// CREATE DATABASE only reads its template, and does not conflict with this mode; the others do.
constexpr LOCKMODE reading = AccessShareLock;

LOCKTAG tag_of(Oid database) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
  return tag;
}

using transactions = std::span<const VirtualTransactionId>;

// Transactions that hold the lock in a mode that conflicts with the given one.  Not waiting ones:
// our processes do not block them.
transactions holders(Oid database, LOCKMODE mode) {
  const LOCKTAG tag = tag_of(database);
  int count = 0;
  const VirtualTransactionId *first = call([&] { return GetLockConflicts(&tag, mode, &count); });
  return {first, static_cast<size_t>(count)};
}

bool is_one_of(const VirtualTransactionId &id, transactions all) {
  return std::any_of(all.begin(), all.end(), [&](const VirtualTransactionId &other) {
    return VirtualTransactionIdEquals(id, other);
  });
}

// The login role of the session, or the role that has prepared the transaction.  InvalidOid: an
// internal process without a role. nullopt: it is over.
std::optional<Oid> role_of(const VirtualTransactionId &id) {
  const auto runs = [&](const PGPROC &process) {
    VirtualTransactionId own;
    GET_VXID_FROM_PGPROC(own, process);
    return VirtualTransactionIdEquals(own, id);
  };
  for (uint32 i = 0; i < ProcGlobal->allProcCount; ++i)
    if (runs(ProcGlobal->allProcs[i])) return ProcGlobal->allProcs[i].roleId;
  for (int i = 0; i < max_prepared_xacts; ++i)
    if (runs(PreparedXactProcs[i])) return PreparedXactProcs[i].roleId;
  return std::nullopt;
}

}  // namespace

bool is_database_locked(Oid database) {
  return call([=] {
    const LOCKTAG tag = tag_of(database);
    if (LockAcquire(&tag, connecting, true, true) != LOCKACQUIRE_NOT_AVAIL) {
      LockRelease(&tag, connecting, true);
      return false;
    }
    // also refused while another process waits for the lock
    int count = 0;
    pfree(GetLockConflicts(&tag, connecting, &count));
    return count > 0;
  });
}

bool is_database_wanted_alone(Oid database) {
  const scratch_memory memory;
  const transactions all = holders(database, connecting);
  if (all.empty()) return false;
  const transactions exclusive = holders(database, reading);
  begin_transaction();
  const bool found = std::any_of(all.begin(), all.end(), [&](const VirtualTransactionId &id) {
    const std::optional<Oid> role = role_of(id);
    if (!role) return false;
    return !OidIsValid(*role) || may_command_database(*role, database, !is_one_of(id, exclusive));
  });
  commit_transaction();
  return found;
}

}  // namespace dynpgext::pg
