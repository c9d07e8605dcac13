// Transactions, subtransactions and their roles.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Why an attempt failed.
struct failure {
  int sqlstate = 0;
  std::string message;
  std::string hint = {};
  std::string detail = {};
  bool operator==(const failure &) const = default;
};

// Runs f in a subtransaction.  If it fails, the subtransaction is rolled back, and the error is
// returned.  A cancel, termination or deadlock does not count as a failure of f: it is rethrown,
// also after the rollback.
template <class F>
[[nodiscard]] std::optional<failure> attempt(F &&f);

// Runs f whose failure does not concern the caller: a failure becomes a WARNING.  In a transaction
// f runs in a subtransaction, as with attempt(), and an interruption is rethrown; so is every error
// in a parallel operation, which has no subtransactions.  Elsewhere (after the commit, in the
// launcher) like swallow().  Returns whether f succeeded.
template <class F>
bool tolerate(const char *doing, F &&f, const char *hint = corrected_later);

// Runs as the given role with search_path pinned to pg_catalog, pg_temp, for a scope.
class pinned_identity {
 public:
  explicit pinned_identity(Oid role);
  pinned_identity(const pinned_identity &) = delete;
  pinned_identity &operator=(const pinned_identity &) = delete;
  ~pinned_identity();

 private:
  Oid saved_role_ = InvalidOid;
  int saved_context_ = 0;
  int guc_level_ = 0;
};

// A memory context for a scope: the server's allocations in between are freed with it.
class scratch_memory {
 public:
  scratch_memory();
  scratch_memory(const scratch_memory &) = delete;
  scratch_memory &operator=(const scratch_memory &) = delete;
  ~scratch_memory();
  // For a loop: frees the allocations so far.
  void reset() noexcept;

 private:
  MemoryContext own_;
  MemoryContext saved_;
};

// An active snapshot for a scope that writes rows or runs foreign code, where the server has none:
// before a commit, after the commands.  After an error the server removes it.
class active_snapshot {
 public:
  active_snapshot();
  active_snapshot(const active_snapshot &) = delete;
  active_snapshot &operator=(const active_snapshot &) = delete;
  ~active_snapshot();

 private:
  int exceptions_;
};

// One transaction in a background worker: begun here, committed by commit(), which restores the
// previous memory context; rolled back by the server's own error handling if an ERROR gets that
// far.
void begin_transaction();
void commit_transaction();
// In this transaction no wait for a lock takes longer than some seconds (55P03): a role that may
// lock tables must not be able to block a process that others wait for without limit.
void limit_lock_waits();

// Finds something in a catalog with `find`, which returns nullptr for nothing; opens its own
// transaction if necessary.  Also empty if no transaction can be begun.
template <class Find>
[[nodiscard]] std::string name_in_catalog(Find find) {
  const bool is_own = !IsTransactionState();
  const bool can_read = !is_own || (!IsTransactionOrTransactionBlock() && IsNormalProcessingMode());
  if (!can_read) return {};
  if (is_own) begin_transaction();
  const char *name = call(find);
  std::string text = name == nullptr ? std::string() : std::string(name);
  if (is_own) commit_transaction();
  return text;
}

// Raises the server's error 25006 in a read-only transaction and on a standby.
void require_writable(const char *command);

// Makes the writes of earlier commands of this transaction visible.
void make_visible();
// Before the commit: drops and empties temporary tables that end with it, as the server does after
// the callbacks.  It waits for locks on their dependent objects.
void end_temporary_tables();

namespace detail {
class subtransaction {
 public:
  subtransaction();
  void commit();
  void rollback();

 private:
  MemoryContext context_;
  ResourceOwner owner_;
};
[[nodiscard]] bool is_interruption(int sqlstate);
void warn_of(const failure &why, const char *doing, const char *hint);
}  // namespace detail

template <class F>
std::optional<failure> attempt(F &&f) {
  detail::subtransaction sub;
  std::optional<failure> why;
  std::exception_ptr other;
  try {
    f();
  } catch (const server_error &e) {
    if (detail::is_interruption(e.data()->sqlerrcode))
      other = std::current_exception();
    else
      why = failure{e.data()->sqlerrcode, e.data()->message};
  } catch (const error &e) {
    if (e.sqlstate() == ERRCODE_T_R_DEADLOCK_DETECTED)
      other = std::current_exception();
    else
      why = failure{e.sqlstate(), e.what()};
  } catch (...) {
    other = std::current_exception();
  }
  if (why || other)
    sub.rollback();
  else
    sub.commit();
  if (other) std::rethrow_exception(other);
  return why;
}

template <class F>
bool tolerate(const char *doing, F &&f, const char *hint) {
  if (!IsTransactionState()) return swallow(doing, f, hint);
  if (IsInParallelMode()) {
    f();
    return true;
  }
  const std::optional<failure> why = attempt(f);
  if (why) detail::warn_of(*why, doing, hint);
  return !why;
}

}  // namespace dynpgext::pg
