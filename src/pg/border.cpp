#include "pg/border.h"

#include "pg/lock_order.h"

namespace dynpgext::pg {

server_error::server_error(ErrorData *data, MemoryContext context)
    : owned_(std::make_shared<owned>(data, context)) {}

server_error::owned::~owned() {
  if (context != nullptr) MemoryContextDelete(context);
}

void server_error::hand_over() const noexcept {
  // ErrorContext is reset when the error has been handled, and its children are deleted with it.
  if (owned_->context != nullptr)
    MemoryContextSetParent(std::exchange(owned_->context, nullptr), ErrorContext);
}

namespace detail {
namespace {

// The error being handled, in its own memory context; nullptr if there is no memory.
ErrorData *copy_error(MemoryContext *context) noexcept {
  ErrorData *volatile data = nullptr;
  sigjmp_buf *const exception_stack = PG_exception_stack;
  sigjmp_buf here;
  if (sigsetjmp(here, 0) == 0) {
    PG_exception_stack = &here;
    *context = AllocSetContextCreate(TopMemoryContext, "dynpgext error", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(*context);
    data = CopyErrorData();
  }
  PG_exception_stack = exception_stack;
  return data;
}

}  // namespace

void rethrow(const saved_state &saved) {
  saved.restore();
  MemoryContext context = nullptr;
  ErrorData *const data = copy_error(&context);
  MemoryContextSwitchTo(saved.memory);
  CurrentResourceOwner = saved.owner;
  FlushErrorState();
  InterruptHoldoffCount = saved.interrupt_holdoff;
  QueryCancelHoldoffCount = saved.cancel_holdoff;
  held_locks::release_others();
  if (data != nullptr) throw server_error(data, context);
  if (context != nullptr) MemoryContextDelete(context);
  throw std::bad_alloc();
}

namespace {

// Copies without raising; nullptr stays nullptr.
const char *keep(const char *text) noexcept {
  if (text == nullptr || *text == '\0') return nullptr;
  const size_t size = std::strlen(text) + 1;
  void *copy = MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_NO_OOM);
  if (copy == nullptr) return "dynpgext: out of memory while reporting an error";
  std::memcpy(copy, text, size);
  return static_cast<const char *>(copy);
}

}  // namespace

void describe_current_exception(report *into) noexcept {
  try {
    throw;
  } catch (const server_error &e) {
    into->server = e.data();
    e.hand_over();
  } catch (const error &e) {
    into->sqlstate = e.sqlstate();
    into->message = keep(e.what());
    into->detail = keep(e.detail().c_str());
    into->hint = keep(e.hint().c_str());
  } catch (const std::bad_alloc &) {
    into->sqlstate = ERRCODE_OUT_OF_MEMORY;
    into->message = "out of memory";
  } catch (const std::exception &e) {
    into->sqlstate = ERRCODE_INTERNAL_ERROR;
    into->message = keep(e.what());
  } catch (...) {
    into->sqlstate = ERRCODE_INTERNAL_ERROR;
    into->message = "dynpgext: unknown C++ exception";
  }
  if (!into->failed()) into->message = "dynpgext: exception without a message";
}

void raise(const report &what) {
  // As errfinish() leaves it: the catching code holds no interrupts.
  InterruptHoldoffCount = 0;
  QueryCancelHoldoffCount = 0;
  if (what.server != nullptr) ReThrowError(what.server);
  ereport(ERROR, (errcode(what.sqlstate), errmsg("%s", what.message),
                  what.detail != nullptr ? errdetail("%s", what.detail) : 0,
                  what.hint != nullptr ? errhint("%s", what.hint) : 0));
  pg_unreachable();
}

namespace {

// A separate function, so that it computes nothing that sigsetjmp() returns to twice.
[[gnu::noinline]] void send_warning(int sqlstate, const char *message, const char *doing,
                                    const char *hint) noexcept {
  sigjmp_buf *exception_stack = PG_exception_stack;
  sigjmp_buf here;
  if (sigsetjmp(here, 0) == 0) {
    PG_exception_stack = &here;
    ereport(WARNING, (errcode(sqlstate), errmsg("dynpgext: while %s: %s", doing, message),
                      hint != nullptr ? errhint("%s", hint) : 0));
  } else {
    FlushErrorState();
  }
  PG_exception_stack = exception_stack;
}

constinit swallow_watcher note_swallowed = nullptr;

}  // namespace

void warn(const report &what, const char *doing, const char *hint) noexcept {
  const bool server = what.server != nullptr;
  const char *message = server ? what.server->message : what.message;
  if (note_swallowed != nullptr) note_swallowed(doing, message);
  send_warning(server ? what.server->sqlerrcode : what.sqlstate, message, doing, hint);
}

}  // namespace detail

void set_swallow_watcher(swallow_watcher watcher) noexcept { detail::note_swallowed = watcher; }

void begin_exit() noexcept {
  held_locks::release_all();
  lock_order::forget_all();
  ConditionVariableCancelSleep();
}

void log(int level, const std::string &message, const std::string &hint) {
  const char *text = message.c_str();
  const char *advice = hint.empty() ? nullptr : hint.c_str();
  call(
      [=] { ereport(level, (errmsg("%s", text), advice != nullptr ? errhint("%s", advice) : 0)); });
}

}  // namespace dynpgext::pg
