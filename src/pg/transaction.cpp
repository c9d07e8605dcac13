#include "pg/transaction.h"

extern "C" {
#include "commands/tablecmds.h"
}

namespace dynpgext::pg {
namespace detail {

subtransaction::subtransaction() : context_(CurrentMemoryContext), owner_(CurrentResourceOwner) {
  call([] { BeginInternalSubTransaction(nullptr); });
  MemoryContextSwitchTo(context_);
}

void subtransaction::commit() {
  call([] { ReleaseCurrentSubTransaction(); });
  MemoryContextSwitchTo(context_);
  CurrentResourceOwner = owner_;
}

void subtransaction::rollback() {
  call([] { RollbackAndReleaseCurrentSubTransaction(); });
  MemoryContextSwitchTo(context_);
  CurrentResourceOwner = owner_;
}

bool is_interruption(int sqlstate) {
  return sqlstate == ERRCODE_QUERY_CANCELED || sqlstate == ERRCODE_ADMIN_SHUTDOWN ||
         sqlstate == ERRCODE_CRASH_SHUTDOWN || sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED;
}

void warn_of(const failure &why, const char *doing, const char *hint) {
  const char *message = why.message.c_str();
  call([=, code = why.sqlstate] {
    ereport(WARNING, (errcode(code), errmsg("dynpgext: while %s: %s", doing, message),
                      hint != nullptr ? errhint("%s", hint) : 0));
  });
}

}  // namespace detail

pinned_identity::pinned_identity(Oid role) {
  call([this, role] {
    GetUserIdAndSecContext(&saved_role_, &saved_context_);
    SetUserIdAndSecContext(role, saved_context_ | SECURITY_LOCAL_USERID_CHANGE);
    guc_level_ = NewGUCNestLevel();
    (void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
                            GUC_ACTION_SAVE, true, 0, false);
  });
}

pinned_identity::~pinned_identity() {
  (void)swallow("restoring the role", [this] {
    call([this] {
      AtEOXact_GUC(false, guc_level_);
      SetUserIdAndSecContext(saved_role_, saved_context_);
    });
  });
}

scratch_memory::scratch_memory()
    : own_(call([] {
        return AllocSetContextCreate(CurrentMemoryContext, "dynpgext", ALLOCSET_DEFAULT_SIZES);
      })),
      saved_(MemoryContextSwitchTo(own_)) {}

void scratch_memory::reset() noexcept { MemoryContextReset(own_); }

scratch_memory::~scratch_memory() {
  MemoryContextSwitchTo(saved_);
  MemoryContextDelete(own_);
}

active_snapshot::active_snapshot() : exceptions_(std::uncaught_exceptions()) {
  call([] { PushActiveSnapshot(GetTransactionSnapshot()); });
}

active_snapshot::~active_snapshot() {
  // after an error has left the code in between, others may be on top of it
  if (std::uncaught_exceptions() > exceptions_) return;
  (void)swallow("dropping a snapshot", [] { call([] { PopActiveSnapshot(); }); });
}

namespace {
// The context at the beginning.  Up to PostgreSQL 16 the end of a transaction makes
// TopMemoryContext current.
constinit MemoryContext outside = nullptr;
}  // namespace

void begin_transaction() {
  outside = CurrentMemoryContext;
  call([] {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    // overrides a setting of the database's owner: a deferrable transaction would wait for others
    XactIsoLevel = XACT_READ_COMMITTED;
    XactReadOnly = RecoveryInProgress();
    XactDeferrable = false;
    PushActiveSnapshot(GetTransactionSnapshot());
  });
}

void commit_transaction() {
  call([] {
    PopActiveSnapshot();
    CommitTransactionCommand();
  });
  MemoryContextSwitchTo(outside);
}

void limit_lock_waits() {
  call([] {
    (void)set_config_option("lock_timeout", "5s", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
                            true, 0, false);
  });
}

void require_writable(const char *command) {
  call([=] {
    PreventCommandIfReadOnly(command);
    PreventCommandDuringRecovery(command);
    PreventCommandIfParallelMode(command);
  });
}

void make_visible() {
  if (!IsInParallelMode()) call([] { CommandCounterIncrement(); });
}

void end_temporary_tables() { call(PreCommit_on_commit_actions); }

}  // namespace dynpgext::pg
