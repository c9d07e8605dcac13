#include "pg/lock.h"

#include "pg/deadline.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// Advisory locks of users have 1 or 2 in the last field.
constexpr uint16 lock_class = 0x5450;

LOCKTAG tag_of(Oid database) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, database, 0, 0, lock_class);
  return tag;
}

class acting_for {
 public:
  explicit acting_for(ResourceOwner owner) : saved_(std::exchange(CurrentResourceOwner, owner)) {}
  acting_for(const acting_for &) = delete;
  acting_for &operator=(const acting_for &) = delete;
  ~acting_for() { CurrentResourceOwner = saved_; }

 private:
  ResourceOwner saved_;
};

// The (sub)transaction owns a provisioning lock, not the portal of a command in it.  The server
// releases a lock only for its owner, and a process that is ending releases the lock in any
// subtransaction.  So the owners are recorded: one for each time that a lock was taken, the last
// one last.
struct ownership {
  Oid database;
  ResourceOwner owner;
  bool kept;
};
std::vector<ownership> &ownerships() {
  static auto *const all = new std::vector<ownership>;
  return *all;
}

void on_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
  const ResourceOwner ending = CurTransactionResourceOwner;
  if (event == SUBXACT_EVENT_COMMIT_SUB)
    for (ownership &o : ownerships())
      if (o.owner == ending) o.owner = ResourceOwnerGetParent(ending);
  if (event == SUBXACT_EVENT_ABORT_SUB)
    std::erase_if(ownerships(), [ending](const ownership &o) { return o.owner == ending; });
}

void on_transaction(XactEvent event, void *) {
  const bool goes_on = event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE ||
                       event == XACT_EVENT_PARALLEL_PRE_COMMIT;
  if (!goes_on) ownerships().clear();
}

// False if it would have to wait.
bool take(Oid database, bool waits) {
  static constinit bool is_watching = false;
  if (!std::exchange(is_watching, true))
    call([] {
      RegisterXactCallback(on_transaction, nullptr);
      RegisterSubXactCallback(on_subtransaction, nullptr);
    });
  ownerships().reserve(ownerships().size() + 1);
  const LOCKTAG tag = tag_of(database);
  const acting_for owner(CurTransactionResourceOwner);
  const LockAcquireResult result =
      call([&tag, waits] { return LockAcquire(&tag, ExclusiveLock, false, !waits); });
  if (result == LOCKACQUIRE_NOT_AVAIL) return false;
  ownerships().push_back({database, CurTransactionResourceOwner, false});
  return true;
}

// In addition to the kinds of turns.
constexpr uint32 kind_of_pause = 16;

LOCKTAG tag_of(uint32 kind, const std::string &extension) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, kind, hash_of_extension(extension), lock_class);
  return tag;
}

bool is_prepared_pause(const LockInstanceData &lock) {
  const LOCKTAG &tag = lock.locktag;
  return lock.pid == 0 && lock.holdMask != 0 && tag.locktag_type == LOCKTAG_ADVISORY &&
         tag.locktag_field2 == kind_of_pause && tag.locktag_field4 == lock_class;
}

TransactionId prepared_transaction(const VirtualTransactionId &holder) {
  for (int i = 0; i < max_prepared_xacts; ++i) {
    const PGPROC &process = PreparedXactProcs[i];
    VirtualTransactionId own;
    GET_VXID_FROM_PGPROC(own, process);
    if (VirtualTransactionIdEquals(own, holder)) return process.xid;
  }
  return InvalidTransactionId;  // over by now
}

void tell_what_for(void *name) {
  const auto *extension = static_cast<const char *>(name);
  if (*extension == '\0')
    errcontext("waiting for another transaction that writes worker_settings");
  else
    errcontext("waiting for another transaction that registers, configures, updates or drops "
               "extension \"%s\"",
               extension);
}

bool acquire_turn(turn on, const std::string &extension, turn_mode mode, bool at_once) {
  const LOCKTAG tag = tag_of(static_cast<uint32>(on), extension);
  const auto server_mode = static_cast<LOCKMODE>(mode);
  if (is_locked(tag, server_mode)) return true;
#if DYNPGEXT_CHECKS
  if (!at_once && provisioning_lock::is_in_use(MyDatabaseId))
    lock_order::broken(lock_rank::tables, "the provisioning lock");
#endif
  const char *name = extension.c_str();
  return call([&tag, server_mode, at_once, name] {
    ErrorContextCallback context{error_context_stack, tell_what_for, const_cast<char *>(name)};
    error_context_stack = &context;
    const LockAcquireResult result = LockAcquire(&tag, server_mode, false, at_once);
    error_context_stack = context.previous;
    if (result == LOCKACQUIRE_NOT_AVAIL) return false;
    AcceptInvalidationMessages();  // of the previous holder
    return true;
  });
}

}  // namespace

void take_turn(turn on, const std::string &extension, turn_mode mode) {
  (void)acquire_turn(on, extension, mode, false);
}

bool take_turn_at_once(turn on, const std::string &extension, turn_mode mode) {
  return acquire_turn(on, extension, mode, true);
}

uint32 hash_of_extension(std::string_view name) noexcept {
  const auto *bytes = reinterpret_cast<const unsigned char *>(name.data());
  return DatumGetUInt32(hash_any(bytes, static_cast<int>(name.size())));
}

void note_pause(const std::string &extension) {
  if (max_prepared_xacts == 0) return;  // it ends with its process at the latest
  const LOCKTAG tag = tag_of(kind_of_pause, extension);
  if (is_locked(tag, AccessShareLock)) return;
  call([&tag] { (void)LockAcquire(&tag, AccessShareLock, false, false); });
}

std::vector<noted_pause> prepared_pauses() {
  std::vector<noted_pause> found;
  if (max_prepared_xacts == 0) return found;
  const scratch_memory memory;
  const LockData *all = call([] { return GetLockStatusData(); });
  for (const LockInstanceData &lock : std::span(all->locks, static_cast<size_t>(all->nelements))) {
    if (!is_prepared_pause(lock)) continue;
    const TransactionId transaction = prepared_transaction(versions::holder_of(lock));
    if (TransactionIdIsValid(transaction))
      found.push_back({lock.locktag.locktag_field1, lock.locktag.locktag_field3, transaction});
  }
  return found;
}

void provisioning_lock::acquire(Oid database) {
  if (!is_held(database)) lock_order::acquiring(lock_rank::provisioning);
  (void)take(database, true);
}

void provisioning_lock::release(Oid database) {
  auto &all = ownerships();
  const auto last = std::find_if(all.rbegin(), all.rend(),
                                 [=](const ownership &o) { return o.database == database; });
  if (last == all.rend()) return;
  const acting_for owner(last->owner);
  all.erase(std::next(last).base());
  const LOCKTAG tag = tag_of(database);
  call([&tag] { (void)LockRelease(&tag, ExclusiveLock, false); });
}

bool provisioning_lock::acquire_within(Oid database, int64 milliseconds) {
  if (!is_held(database)) lock_order::acquiring(lock_rank::provisioning);
  if (take(database, false)) return true;
  if (IsInParallelMode()) {  // no subtransactions there
    acquire(database);
    return true;
  }
  // An ERROR ends the wait, and the subtransaction cleans up.  Otherwise it leaves the lock to its
  // parent.
  const deadline patience(milliseconds);
  detail::subtransaction sub;
  bool acquired = false;
  std::exception_ptr failed;
  try {
    acquire(database);
    acquired = true;
  } catch (const server_error &e) {
    if (!patience.explains(e)) failed = std::current_exception();
  } catch (...) {
    failed = std::current_exception();
  }
  if (acquired)
    sub.commit();
  else
    sub.rollback();
  if (failed) std::rethrow_exception(failed);
  return acquired;
}

void provisioning_lock::keep(Oid database) {
  for (ownership &o : ownerships())
    if (o.database == database) o.kept = true;
}

bool provisioning_lock::is_in_use(Oid database) {
  return is_held(database) &&
         std::any_of(ownerships().begin(), ownerships().end(),
                     [=](const ownership &o) { return o.database == database && !o.kept; });
}

bool provisioning_lock::is_held(Oid database) {
  return IsTransactionState() && is_locked(tag_of(database), ExclusiveLock);
}

bool is_locked(const LOCKTAG &tag, LOCKMODE mode) { return versions::is_locked_by_me(tag, mode); }

}  // namespace dynpgext::pg
