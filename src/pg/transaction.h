// Transactions, subtransactions and who we are in them.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// Why something that was attempted did not succeed.
struct failure {
  int sqlstate = 0;
  std::string message;
};

// Runs f in a subtransaction.  When it fails the subtransaction is rolled back, and what
// it raised is returned.  A cancel or termination is not a failure of f's: it is thrown on.
template <class F>
[[nodiscard]] std::optional<failure> attempt(F &&f);

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

// One transaction in a background worker: begun here, committed by commit(), rolled back
// by the server's own error handling when an ERROR gets that far.
void begin_transaction();
void commit_transaction();

// Everything that earlier commands of this transaction wrote becomes visible.
void make_visible();

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
}  // namespace detail

template <class F>
std::optional<failure> attempt(F &&f) {
  detail::subtransaction sub;
  std::optional<failure> why;
  std::exception_ptr interruption;
  try {
    f();
  } catch (const server_error &e) {
    why = failure{e.data()->sqlerrcode, e.data()->message};
    if (detail::is_interruption(why->sqlstate)) interruption = std::current_exception();
  } catch (const error &e) {
    why = failure{e.sqlstate(), e.what()};
  }
  if (interruption) std::rethrow_exception(interruption);
  if (why)
    sub.rollback();
  else
    sub.commit();
  return why;
}

}  // namespace dynpgext::pg
