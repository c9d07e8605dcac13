#include "pg/sql_command.h"

#include "pg/relation.h"
#include "pg/role.h"
#include "pg/role_hold.h"
#include "pg/session_state.h"
#include "pg/termination.h"
#include "pg/worker.h"

#include <signal.h>
#include <time.h>

namespace dynpgext::pg {
namespace {

constinit const volatile moment *volatile current_told_at = nullptr;
constinit volatile sig_atomic_t nudged = false;

// Not the server's time-outs: those follow the wall clock.
constinit volatile int64 due_by = 0;  // the moment by which the command has to be done, or 0
constinit timer_t reminder{};
constinit bool has_reminder = false;

bool is_told_to_end(const volatile moment *told_at) {
  return told_at != nullptr && told_at->microseconds != 0;
}
bool is_called_off() { return is_told_to_end(current_told_at); }
bool is_late() { return due_by != 0 && moment::now().microseconds >= due_by; }

// SIGUSR2 to this process, then; 0 or less: never.
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

// As the server's own handler for SIGINT does, but only for a command that is to end, or is late.
void on_nudge(SIGNAL_ARGS) {
  (void)postgres_signal_arg;
  const int saved_errno = errno;
  nudged = true;
  if ((is_called_off() || is_late()) && !proc_exit_inprogress) {
    InterruptPending = true;
    QueryCancelPending = true;
  }
  SetLatch(MyLatch);
  errno = saved_errno;
}

// Outside of it a cancel waits, and is forgotten: it was for a command that is over.
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
    disable_timeout(STATEMENT_TIMEOUT, false);
    forget_deadline();
    QueryCancelPending = false;
  }
};

constinit Oid last_role = InvalidOid;  // who the command before ran as

// Its identity is not there any more, or is another one.
class identity_error : public error {
  using error::error;
};

// What may have changed since it was registered.
void check_rights(const command_role &c) {
  const auto lost = [](const std::string &why) {
    throw identity_error(ERRCODE_UNDEFINED_OBJECT, why);
  };
  const std::string name = role_name(c.role);
  const std::string by = role_name(c.registered_by);
  if (name.empty()) lost("the role that it ran as has been dropped");
  if (by.empty()) lost("the role that registered it has been dropped");
  const Oid dynpgext = extension_oid("dynpgext");
  for (const Oid role : {c.role, c.registered_by})
    if (!is_role_held(dynpgext, role))
      lost("role \"" + role_name(role) + "\" has given it up, with DROP OWNED");
  if (is_superuser(c.role) && !c.superuser)
    lost("role \"" + name + "\" has become a superuser, which nobody has named as such");
  const auto refuse = [](const std::string &why) {
    throw error(ERRCODE_INSUFFICIENT_PRIVILEGE, why);
  };
  if (!may_become(c.registered_by, c.role))
    refuse("role \"" + by + "\", which registered it, is no member of role \"" + name + "\"");
  if (!c.without_login && !has_login(c.role)) refuse("role \"" + name + "\" cannot log in");
  if (!may_connect(c.role)) refuse("role \"" + name + "\" may not connect to this database");
  if (c.by_hand && !may_register(c.registered_by))
    refuse("role \"" + by + "\", which registered it, may not register any more");
}

std::string search_path_for(const std::string &extension) {
  const std::optional<extension_facts> facts = find_extension(extension);
  if (!facts)
    throw error(ERRCODE_UNDEFINED_OBJECT, "extension \"" + extension + "\" does not exist");
  std::string path = "pg_catalog";
  const Oid schema = facts->schema;
  if (schema != PG_CATALOG_NAMESPACE) {
    const char *quoted = call([=]() -> const char * {
      const char *name = get_namespace_name(schema);
      return name == nullptr ? nullptr : quote_identifier(name);
    });
    if (quoted != nullptr) path.append(", ").append(quoted);
  }
  return path + ", pg_temp";
}

void set_locally(const char *name, const std::string &value) {
  const char *text = value.c_str();
  call([=] {
    (void)set_config_option(name, text, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  });
}

// As SET TRANSACTION would, before the first query: the transaction has begun before the role's
// settings were known.
void apply_transaction_defaults() {
  XactReadOnly = XactReadOnly || DefaultXactReadOnly;
  XactIsoLevel = DefaultXactIsoLevel;
  XactDeferrable = DefaultXactDeferrable;
}

void arm_timeouts(moment began, int64 deadline) {
  if (StatementTimeout > 0) call([] { enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout); });
  if (deadline <= 0) return;
  if (!has_reminder)
    throw error(ERRCODE_INSUFFICIENT_RESOURCES, "could not create a timer for the deadline");
  const moment end = began + std::chrono::milliseconds(deadline);
  due_by = end.microseconds;
  remind_in(milliseconds_until(end) + 1);  // never a moment before it
}

void execute(const char *sql) {
  SPI_connect();
  PushActiveSnapshot(GetTransactionSnapshot());
  SPIExecuteOptions options{};
  options.dest = None_Receiver;
  const int code = SPI_execute_extended(sql, &options);
  if (code == SPI_ERROR_TRANSACTION)
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
                    errmsg("an SQL worker's command cannot control its transaction")));
  if (code == SPI_ERROR_COPY)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("an SQL worker's command cannot COPY to or from a client")));
  if (code < 0) elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(code));
  SPI_finish();
  PopActiveSnapshot();
}

void report_activity(const char *sql) {
  call([=] {
    debug_query_string = sql;
    pgstat_report_activity(sql != nullptr ? STATE_RUNNING : STATE_IDLE, sql);
  });
}

// In its transaction, as its role.  The role stays until after the commit, in which code may run.
void run_in_transaction(const sql_command &c, moment began, Oid *role) {
  const cancellable scope(c.told_at);
  call([] {
    CHECK_FOR_INTERRUPTS();
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
  });
  const Oid as = c.role.role;
  check_rights(c.role);
  const std::string search_path = search_path_for(c.extension);
  *role = as;
  if (std::exchange(last_role, as) != as) cut_connections();
  call([] { (void)NewGUCNestLevel(); });  // until the end of the transaction
  set_locally("application_name", c.label);
  call([=] { SetUserIdAndSecContext(as, SECURITY_LOCAL_USERID_CHANGE); });
  apply_role_settings(as);
  set_locally("search_path", search_path);
  report_activity(c.sql.c_str());
  apply_transaction_defaults();
  arm_timeouts(began, c.deadline);
  const char *sql = c.sql.c_str();
  call([=] {
    execute(sql);
    CommitTransactionCommand();
  });
}

// To the log, as it was raised, but for its level.
void log_failure(ErrorData *data, const sql_command &c) {
  const int level = c.failure_level;
  const char *context = c.context.c_str();
  (void)swallow("logging", [=] {
    call([=] {
      data->elevel = level;
      data->context =
          data->context == nullptr ? pstrdup(context) : psprintf("%s\n%s", data->context, context);
      ThrowErrorData(data);
    });
  });
}

void log_failure(const failure &why, const sql_command &c) {
  const int level = c.failure_level;
  const char *message = why.message.c_str();
  const char *context = c.context.c_str();
  (void)swallow("logging", [=, code = why.sqlstate] {
    call(
        [=] { ereport(level, (errcode(code), errmsg("%s", message), errcontext("%s", context))); });
  });
}

void restore_identity(Oid user, int context) { SetUserIdAndSecContext(user, context); }

}  // namespace

void prepare_for_commands() {
  note_own_sockets();
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
}

bool was_nudged() {
  if (nudged == 0) return false;
  nudged = false;  // what one that comes now is about is there to be seen already
  return true;
}

void idle_until_woken(long milliseconds) {
  const long flush = call([] { return pgstat_report_stat(false); });
  const bool sooner = flush > 0 && (milliseconds < 0 || flush < milliseconds);
  (void)wait_for_latch(sooner ? flush : milliseconds);
}

command_end run_command(const sql_command &c, failure *why) {
  Oid user = InvalidOid;
  int context = 0;
  GetUserIdAndSecContext(&user, &context);
  Oid role = user;
  std::optional<server_error> raised;  // whose data it is
  ErrorData *data = nullptr;
  command_end end = command_end::done;
  bool is_refused = false;
  const moment began = moment::now();
  try {
    run_in_transaction(c, began, &role);
  } catch (const server_error &e) {
    raised = e;
    data = e.data();
    *why = {data->sqlerrcode, data->message};
    end = command_end::failed;
  } catch (const identity_error &e) {
    *why = {e.sqlstate(), e.what()};
    end = command_end::failed;
    is_refused = true;
  } catch (const error &e) {
    *why = {e.sqlstate(), e.what()};
    end = command_end::failed;
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
    call([] { AbortCurrentTransaction(); });
  }
  restore_identity(user, context);
  report_activity(nullptr);
  leave_nothing_behind(role);
  call([] { (void)pgstat_report_stat(false); });
  return is_refused ? command_end::refused : end;
}

}  // namespace dynpgext::pg
