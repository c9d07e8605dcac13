#include "pg/sql_command.h"

#include "pg/database_owners.h"
#include "pg/login_settings.h"
#include "pg/rights_watch.h"
#include "pg/search_path.h"
#include "pg/settings.h"
#include "pg/statements.h"
#include "pg/termination.h"
#include "pg/transaction.h"
#include "pg/worker.h"

#include <signal.h>
#include <time.h>

namespace dynpgext::pg {
namespace {

constinit const volatile moment *volatile current_told_at = nullptr;
constinit volatile sig_atomic_t nudged = false;

// Not the server's timeouts: those follow the wall clock.
constinit volatile int64 due_by = 0;   // time limit of the command, or 0
constinit volatile int64 ends_by = 0;  // later time limit that ends its process
constinit volatile sig_atomic_t has_outstayed = 0;
constinit bool met_new_owner = false;
constinit timer_t reminder{};
constinit bool has_reminder = false;

bool is_told_to_end(const volatile moment *told_at) {
  return told_at != nullptr && told_at->microseconds != 0;
}
bool is_called_off() { return is_told_to_end(current_told_at); }
bool is_late() { return due_by != 0 && moment::now().microseconds >= due_by; }

// Sends SIGUSR2 to this process at that time; 0 or less: never.
void remind_in(int64 milliseconds) {
  itimerspec when{};
  if (milliseconds > 0) {
    when.it_value.tv_sec = static_cast<time_t>(milliseconds / 1000);
    when.it_value.tv_nsec = static_cast<long>(milliseconds % 1000) * 1000000;
  }
  (void)timer_settime(reminder, 0, &when, nullptr);
}

void forget_deadline() {
  if (std::exchange(due_by, 0) != 0) remind_in(0);
}

// A command may catch its cancellation, but not the end of its process.
void on_late() {
  QueryCancelPending = true;
  if (moment::now().microseconds >= ends_by) {
    has_outstayed = 1;
    ProcDiePending = true;
    insist_on_end(MyProcPid);  // its function may serve no interrupts
  }
  remind_in(1000);
}

// Like the server's handler for SIGINT, but only for a command that must end, or is late.
void on_nudge(SIGNAL_ARGS) {
  (void)postgres_signal_arg;
  const int saved_errno = errno;
  nudged = true;
  if ((is_called_off() || is_late()) && !proc_exit_inprogress) {
    InterruptPending = true;
    QueryCancelPending = true;
    if (is_late()) on_late();
  }
  SetLatch(MyLatch);
  errno = saved_errno;
}

// Outside of it a cancel waits, and is discarded: it was for an earlier command.
class cancellable {
 public:
  explicit cancellable(const volatile moment *told_at) {
    QueryCancelPending = false;
    current_told_at = told_at;
    if (is_called_off()) {  // a moment ago
      InterruptPending = true;
      QueryCancelPending = true;
    }
    RESUME_CANCEL_INTERRUPTS();
  }
  cancellable(const cancellable &) = delete;
  cancellable &operator=(const cancellable &) = delete;
  ~cancellable() {
    HOLD_CANCEL_INTERRUPTS();
    current_told_at = nullptr;
    disable_timeout(STATEMENT_TIMEOUT, false);  // of one that has failed
    forget_deadline();
    QueryCancelPending = false;
  }
};

void set_for_session(const char *name, const std::string &value) {
  const char *text = value.c_str();
  call([=] {
    (void)set_config_option(name, text, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
  });
}

void arm_deadline(moment began, int64 deadline) {
  if (deadline <= 0) return;
  if (!has_reminder)
    throw error(ERRCODE_INSUFFICIENT_RESOURCES, "could not create a timer for the deadline");
  const moment end = began + std::chrono::milliseconds(deadline);
  due_by = end.microseconds;
  ends_by = (end + std::chrono::milliseconds(settings::stop_timeout_milliseconds())).microseconds;
  remind_in(milliseconds_until(end) + 1);  // never a moment too early
}

void report_activity(const char *sql) {
  call([=] {
    debug_query_string = sql;
    pgstat_report_activity(sql != nullptr ? STATE_RUNNING : STATE_IDLE, sql);
  });
}

// Returns false if the command must not run in this process.
bool prepare(const sql_command &c, checked_rights *checked) {
  begin_transaction();
  limit_lock_waits();
  if (!is_database_owner_noted()) {
    note_database_owner();
    met_new_owner = true;
    commit_transaction();  // even if it turns out that the command must not run
    begin_transaction();
    limit_lock_waits();
  }
  checked->heard = heard_so_far();
  check_rights(c.role, c.extension);
  const std::string search_path = search_path_for(c.extension, c.role.role);
  checked->role = c.role;
  checked->extension = c.extension;
  checked->search_path = search_path;
  const bool is_stale = login_settings_have_changed();
  if (!is_stale) {
    // ALTER ROLE ... SET role does not decide the role of a command
    set_for_session("role", "none");
    set_for_session("application_name", c.label);
    set_for_session("search_path", search_path);
  }
  commit_transaction();
  return !is_stale;
}

command_end run(const sql_command &c, moment began) {
  const cancellable scope(c.told_at);
  call([] { CHECK_FOR_INTERRUPTS(); });
  checked_rights checked;
  if (!prepare(c, &checked)) return command_end::stale;
  arm_deadline(began, c.deadline);
  report_activity(c.sql.c_str());
  const rights_watch watch(checked);
  run_statements(c.sql.c_str(), c.atomic);
  return command_end::done;
}

std::string text_of(const char *text) { return text == nullptr ? std::string() : text; }

// To the log, as it was raised, except for its level.
void log_failure(ErrorData *data, const sql_command &c) {
  const int level = c.failure_level;
  const char *context = c.context.c_str();
  // such as VACUUM, or COMMIT in a procedure
  const bool needs_no_transaction =
      c.atomic && (data->sqlerrcode == ERRCODE_ACTIVE_SQL_TRANSACTION ||
                   data->sqlerrcode == ERRCODE_INVALID_TRANSACTION_TERMINATION);
  (void)swallow("logging", [=] {
    call([=] {
      data->elevel = level;
      if (needs_no_transaction && data->hint == nullptr)
        data->hint = pstrdup("With \"atomic\": false each statement has a transaction of its own.");
      data->context =
          data->context == nullptr ? pstrdup(context) : psprintf("%s\n%s", data->context, context);
      ThrowErrorData(data);
    });
  });
}

void log_failure(const failure &why, const sql_command &c) {
  const int level = c.failure_level;
  const char *message = why.message.c_str();
  const char *hint = why.hint.empty() ? nullptr : why.hint.c_str();
  const char *context = c.context.c_str();
  (void)swallow("logging", [=, code = why.sqlstate] {
    call([=] {
      ereport(level, (errcode(code), errmsg("%s", message),
                      hint == nullptr ? 0 : errhint("%s", hint), errcontext("%s", context)));
    });
  });
}

}  // namespace

void prepare_for_commands() {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR2;
  has_reminder = timer_create(CLOCK_MONOTONIC, &event, &reminder) == 0;
  call([] {
    pqsignal(SIGUSR2, on_nudge);
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    HOLD_CANCEL_INTERRUPTS();
  });
  install_last_resort();
  prepare_rights_watch();
}

bool has_outstayed_deadline() { return has_outstayed != 0; }

bool is_command_called_off() noexcept { return is_called_off(); }

bool has_met_new_owner() { return std::exchange(met_new_owner, false); }

bool was_nudged() {
  if (nudged == 0) return false;
  nudged = false;  // the state behind any new signal is already visible
  return true;
}

void idle_until_woken(long milliseconds) {
  const long flush = call([] { return pgstat_report_stat(false); });
  const bool sooner = flush > 0 && (milliseconds < 0 || flush < milliseconds);
  (void)wait_for_latch(sooner ? flush : milliseconds, wait::sql_runner);
}

command_end run_command(const sql_command &c, failure *why) {
  // The process lives for months: memory allocated outside of a transaction is freed after the run.
  const scratch_memory memory;
  std::optional<server_error> raised;  // owns the data
  ErrorData *data = nullptr;
  command_end end = command_end::failed;
  bool is_refused = false;
  const moment began = moment::now();
  try {
    end = run(c, began);
  } catch (const server_error &e) {
    raised = e;
    data = e.data();
    *why = {data->sqlerrcode, data->message, text_of(data->hint), text_of(data->detail)};
  } catch (const identity_error &e) {
    *why = {e.sqlstate(), e.what(), e.hint()};
    is_refused = true;
  } catch (const error &e) {
    *why = {e.sqlstate(), e.what()};
  } catch (const std::bad_alloc &) {  // no memory even for the server's error
    *why = {ERRCODE_OUT_OF_MEMORY, "out of memory"};
  }
  if (end == command_end::failed) {
    const bool is_cancel = why->sqlstate == ERRCODE_QUERY_CANCELED;
    if (is_cancel && is_told_to_end(c.told_at)) end = command_end::called_off;
    if (is_cancel && end == command_end::failed && c.deadline > 0 &&
        moment::now() - began >= std::chrono::milliseconds(c.deadline)) {
      why->message = "canceling a command that runs longer than its deadline of " +
                     std::to_string(c.deadline) + " ms";
      data = nullptr;
    }
    if (end == command_end::failed) data != nullptr ? log_failure(data, c) : log_failure(*why, c);
    if (data != nullptr) why->hint = text_of(data->hint);  // from one of our errors
    call([] { AbortCurrentTransaction(); });
  }
  report_activity(nullptr);
  reset_session();
  call([] { (void)pgstat_report_stat(false); });
  return is_refused ? command_end::refused : end;
}

}  // namespace dynpgext::pg
