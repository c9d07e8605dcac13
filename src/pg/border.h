// The border between C++ and the server.
//
// The server reports errors with longjmp, which skips destructors; C++ reports them with
// exceptions, which the server cannot see.  Three functions keep the two apart:
//
//   call(f)    C++ into the server: runs f; an ERROR in it becomes a server_error.
//   entry(f)   the server into C++: runs f; an exception becomes an ERROR.
//   swallow(f) the same where nothing may be raised any more (after a commit, in an
//              exit callback): a failure becomes a WARNING.
//
// Inside call(), f is C: it must not have an object with a destructor, because an ERROR jumps out
// of it.  Captures are checked; locals are the author's responsibility.
#pragma once

#include <memory>

#include "pg/held_locks.h"
#include "pg/server.h"

namespace dynpgext::pg {

// A server ERROR passing through C++ frames.  The data has its own memory context, which is deleted
// with the last copy of the exception: the contexts of the frames in between, and of the
// transaction, may be deleted during the unwinding.
class server_error : public std::exception {
 public:
  // `data` is in `context`.
  server_error(ErrorData *data, MemoryContext context);
  [[nodiscard]] const char *what() const noexcept override { return data()->message; }
  [[nodiscard]] ErrorData *data() const noexcept { return owned_->data; }
  // From now on the data lives until the server has processed the error that is being raised.
  void hand_over() const noexcept;

 private:
  struct owned {
    ErrorData *data;
    MemoryContext context;
    owned(ErrorData *d, MemoryContext c) noexcept : data(d), context(c) {}
    owned(const owned &) = delete;
    owned &operator=(const owned &) = delete;
    ~owned();
  };
  std::shared_ptr<owned> owned_;
};

// An error of ours: becomes ereport(ERROR) at the border.  Message style is the server's:
// lower case, no full stop; hint and detail are sentences.
class error : public std::exception {
 public:
  error(int sqlstate, std::string message, std::string detail = {}, std::string hint = {})
      : sqlstate_(sqlstate),
        message_(std::move(message)),
        detail_(std::move(detail)),
        hint_(std::move(hint)) {}
  [[nodiscard]] const char *what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] int sqlstate() const noexcept { return sqlstate_; }
  [[nodiscard]] const std::string &detail() const noexcept { return detail_; }
  [[nodiscard]] const std::string &hint() const noexcept { return hint_; }

 private:
  int sqlstate_;
  std::string message_;
  std::string detail_;
  std::string hint_;
};

namespace detail {

// State on entry to call() that errfinish() and longjmp change.
struct saved_state {
  sigjmp_buf *exception_stack = PG_exception_stack;
  ErrorContextCallback *context_stack = error_context_stack;
  MemoryContext memory = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  uint32 interrupt_holdoff = InterruptHoldoffCount;
  uint32 cancel_holdoff = QueryCancelHoldoffCount;

  void restore() const noexcept {
    PG_exception_stack = exception_stack;
    error_context_stack = context_stack;
  }
};

// Restores after an ERROR, releases the LWLocks that the server has not released, and throws it.
// The holdoff counts are restored, too: errfinish() zeroes them, and unwinding lock guards would
// count below zero.
[[noreturn]] void rethrow(const saved_state &saved);

// The result of an inner frame for the outer one, which has nothing left to destroy.
struct report {
  ErrorData *server = nullptr;
  int sqlstate = 0;
  const char *message = nullptr;
  const char *detail = nullptr;
  const char *hint = nullptr;
  [[nodiscard]] bool failed() const { return server != nullptr || message != nullptr; }
};

void describe_current_exception(report *into) noexcept;
[[noreturn]] void raise(const report &what);
void warn(const report &what, const char *doing, const char *hint) noexcept;

template <class F, class R>
[[gnu::noinline]] void run(F *f, R *result, report *failure) noexcept {
  try {
    if constexpr (std::is_same_v<R, char>) {
      (*f)();
      *result = 0;
    } else {
      *result = (*f)();
    }
  } catch (...) {
    describe_current_exception(failure);
  }
}

}  // namespace detail

template <class F>
auto call(F f) -> decltype(f()) {
  static_assert(std::is_trivially_destructible_v<F>, "an ERROR would skip the destructor");
  using result_type = decltype(f());
  static_assert(std::is_void_v<result_type> || std::is_trivially_copyable_v<result_type>);
  const detail::saved_state saved;
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) detail::rethrow(saved);
  PG_exception_stack = &here;
  if constexpr (std::is_void_v<result_type>) {
    f();
    saved.restore();
  } else {
    result_type result = f();
    saved.restore();
    return result;
  }
}

template <class F>
auto entry(F f) -> decltype(f()) {
  static_assert(std::is_trivially_destructible_v<F>, "raising would skip the destructor");
  using result_type = decltype(f());
  using stored = std::conditional_t<std::is_void_v<result_type>, char, result_type>;
  static_assert(std::is_trivially_destructible_v<stored>);
  stored result{};
  detail::report failure;
  // locks held by the caller, possibly an author's code, are released by the caller
  const bool may_hold = InterruptHoldoffCount > 0;
  const size_t mark = may_hold ? held_locks::keep_all() : 0;
  detail::run(&f, &result, &failure);
  if (may_hold) held_locks::forget_since(mark);
  if (failure.failed()) detail::raise(failure);
  if constexpr (!std::is_void_v<result_type>) return result;
}

// Called for each error that swallow() turns into a warning, before the warning.
using swallow_watcher = void (*)(const char *doing, const char *message) noexcept;
void set_swallow_watcher(swallow_watcher watcher) noexcept;

// For places where an ERROR would be a catastrophe.  Hold no LWLock: it logs. `doing` completes
// "dynpgext: while ...: ".  An open transaction then cannot be committed (see swallowed.h);
// tolerate() runs f in a subtransaction.  Returns whether f succeeded.
inline constexpr const char *corrected_later =
    "The launcher corrects what this has left behind at its next check; dynpgext.reload() does so at "
    "once.";
template <class F>
bool swallow(const char *doing, F f, const char *hint = corrected_later) noexcept {
  char result{};
  detail::report failure;
  detail::run(&f, &result, &failure);
  if (!failure.failed()) return true;
  detail::warn(failure, doing, hint);
  return false;
}

// The beginning of an exit callback: the process may have been ended in the middle of anything,
// even while it held locks or waited on a condition variable.
void begin_exit() noexcept;

// NOTICE, LOG or WARNING.  Below ERROR it fails only for lack of memory.
void log(int level, const std::string &message, const std::string &hint = {});

}  // namespace dynpgext::pg
