#include "pg/sql_command.h"

#include "pg/relation.h"
#include "pg/session_state.h"
#include "pg/termination.h"
#include "pg/worker.h"

#include <signal.h>

namespace dynpgext::pg {
namespace {

constinit const volatile TimestampTz *volatile current_told_at = nullptr;
constinit volatile sig_atomic_t nudged = false;

bool is_called_off() { return current_told_at != nullptr && *current_told_at != 0; }

// As the server's own handler for SIGINT does, but only for a command that is to end.
void on_nudge(SIGNAL_ARGS) {
  (void)postgres_signal_arg;
  const int saved_errno = errno;
  nudged = true;
  if (is_called_off() && !proc_exit_inprogress) {
    InterruptPending = true;
    QueryCancelPending = true;
  }
  SetLatch(MyLatch);
  errno = saved_errno;
}

// Outside of it a cancel waits, and is forgotten: it was for a command that is over.
class cancellable {
 public:
  explicit cancellable(const volatile TimestampTz *told_at) {
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
    QueryCancelPending = false;
  }
};

constinit Oid last_role = InvalidOid;  // who the command before ran as

struct identity {
  Oid role;
  std::string search_path;
};

identity identity_for(const sql_command &c) {
  const std::optional<extension_facts> extension = find_extension(c.extension);
  if (!extension)
    throw error(ERRCODE_UNDEFINED_OBJECT, "extension \"" + c.extension + "\" does not exist");
  identity found{extension->owner, "pg_catalog"};
  if (!c.role.empty()) {
    const char *name = c.role.c_str();
    found.role = call([=] { return get_role_oid(name, true); });
    if (!OidIsValid(found.role))
      throw error(ERRCODE_UNDEFINED_OBJECT, "role \"" + c.role + "\" does not exist");
  }
  const Oid schema = extension->schema;
  if (schema != PG_CATALOG_NAMESPACE) {
    const char *quoted = call([=]() -> const char * {
      const char *name = get_namespace_name(schema);
      return name == nullptr ? nullptr : quote_identifier(name);
    });
    if (quoted != nullptr) found.search_path.append(", ").append(quoted);
  }
  found.search_path += ", pg_temp";
  return found;
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

void arm_timeout(int64 deadline) {
  int64 limit = StatementTimeout;
  if (deadline > 0 && (limit == 0 || deadline < limit)) limit = deadline;
  if (limit <= 0) return;
  const int milliseconds = static_cast<int>(std::min<int64>(limit, INT_MAX));
  call([=] { enable_timeout_after(STATEMENT_TIMEOUT, milliseconds); });
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
void run_in_transaction(const sql_command &c, Oid *role) {
  const cancellable scope(c.told_at);
  call([] {
    CHECK_FOR_INTERRUPTS();
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
  });
  const identity who = identity_for(c);
  *role = who.role;
  if (std::exchange(last_role, who.role) != who.role) cut_connections();
  call([] { (void)NewGUCNestLevel(); });  // until the end of the transaction
  set_locally("application_name", c.label);
  apply_role_settings(who.role);
  set_locally("search_path", who.search_path);
  report_activity(c.sql.c_str());
  apply_transaction_defaults();
  arm_timeout(c.deadline);
  const Oid as = who.role;
  const char *sql = c.sql.c_str();
  call([=] {
    SetUserIdAndSecContext(as, SECURITY_LOCAL_USERID_CHANGE);
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
  ErrorData *data = nullptr;
  command_end end = command_end::done;
  const TimestampTz began_at = GetCurrentTimestamp();
  try {
    run_in_transaction(c, &role);
  } catch (const server_error &e) {
    data = e.data();
    *why = {data->sqlerrcode, data->message};
    end = command_end::failed;
  } catch (const error &e) {
    *why = {e.sqlstate(), e.what()};
    end = command_end::failed;
  }
  if (end == command_end::failed) {
    const bool is_cancel = why->sqlstate == ERRCODE_QUERY_CANCELED;
    if (is_cancel && c.told_at != nullptr && *c.told_at != 0) end = command_end::called_off;
    if (is_cancel && end == command_end::failed && c.deadline > 0 &&
        GetCurrentTimestamp() - began_at >= c.deadline * 1000) {
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
  return end;
}

}  // namespace dynpgext::pg
