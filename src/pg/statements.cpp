#include "pg/statements.h"

#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// For the statements of one command.  It is emptied when the next one begins: after an error the
// server may use them until the transaction has been aborted.
MemoryContext empty_context() {
  static constinit MemoryContext context = nullptr;
  if (context == nullptr)
    context =
        AllocSetContextCreate(TopMemoryContext, "dynpgext statements", ALLOCSET_DEFAULT_SIZES);
  MemoryContextReset(context);
  return context;
}

void check_kind(Node *statement) {
  if (IsA(statement, TransactionStmt))
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
                    errmsg("an SQL worker's command cannot control its transaction")));
  if (IsA(statement, CopyStmt) && castNode(CopyStmt, statement)->filename == nullptr)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("an SQL worker's command cannot COPY to or from a client")));
}

bool is_to_be_logged(List *statements) {
  if (log_statement == LOGSTMT_NONE) return false;
  if (log_statement == LOGSTMT_ALL) return true;
  for (int i = 0; i < list_length(statements); ++i)
    if (GetCommandLogLevel(static_cast<Node *>(list_nth(statements, i))) <= log_statement)
      return true;
  return false;
}

void log_duration(const char *sql, bool was_logged) {
  char milliseconds[32];
  switch (check_log_duration(milliseconds, was_logged)) {
    case 1: ereport(LOG, (errmsg("duration: %s ms", milliseconds), errhidestmt(true))); break;
    case 2:
      ereport(LOG,
              (errmsg("duration: %s ms  statement: %s", milliseconds, sql), errhidestmt(true)));
      break;
    default: break;
  }
}

// The statement's own text: statements of a command that is not atomic are logged as in psql.
const char *text_of(const RawStmt *statement, const char *sql) {
  const char *begin = sql + Max(statement->stmt_location, 0);
  const char *end = statement->stmt_len > 0 ? begin + statement->stmt_len : begin + strlen(begin);
  begin += strspn(begin, " \t\r\n");
  return pnstrdup(begin, static_cast<Size>(Max(end - begin, 0)));
}

List *plan(RawStmt *statement, const char *sql) {
  const bool needs_snapshot = analyze_requires_snapshot(statement);
  if (needs_snapshot) PushActiveSnapshot(GetTransactionSnapshot());
  List *queries = pg_analyze_and_rewrite_fixedparams(statement, sql, nullptr, 0, nullptr);
  List *plans = pg_plan_queries(queries, sql, CURSOR_OPT_PARALLEL_OK, nullptr);
  if (needs_snapshot) PopActiveSnapshot();
  return plans;
}

void execute(RawStmt *statement, const char *sql, bool at_top_level) {
  List *plans = plan(statement, sql);
  CHECK_FOR_INTERRUPTS();
  const Portal portal = CreatePortal("", true, true);
  portal->visible = false;
  PortalDefineQuery(portal, nullptr, sql, CreateCommandTag(statement->stmt), plans, nullptr);
  PortalStart(portal, nullptr, 0, InvalidSnapshot);
  QueryCompletion completion;
  (void)versions::run_portal(portal, FETCH_ALL, at_top_level, None_Receiver, None_Receiver,
                             &completion);
  PortalDrop(portal, false);
}

void begin(MemoryContext context) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  MemoryContextSwitchTo(context);
}

void run_one(RawStmt *statement, const char *sql, bool atomic) {
  check_kind(statement->stmt);
  if (StatementTimeout > 0) enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
  // not at the top level, a statement that ends its transaction is refused
  execute(statement, sql, !atomic);
  if (atomic)
    CommandCounterIncrement();
  else
    CommitTransactionCommand();
  if (get_timeout_active(STATEMENT_TIMEOUT)) disable_timeout(STATEMENT_TIMEOUT, false);
}

}  // namespace

void run_statements(const char *sql, bool atomic) {
  call([=] {
    const MemoryContext context = empty_context();
    const MemoryContext before = MemoryContextSwitchTo(context);
    if (atomic) begin(context);
    List *statements = pg_parse_query(sql);
    const bool was_logged = is_to_be_logged(statements);
    if (was_logged) ereport(LOG, (errmsg("statement: %s", sql), errhidestmt(true)));
    for (int i = 0; i < list_length(statements); ++i) {
      if (!atomic) begin(context);
      MemoryContextSwitchTo(context);
      auto *statement = static_cast<RawStmt *>(list_nth(statements, i));
      run_one(statement, sql, atomic);
      MemoryContextSwitchTo(context);
      if (!atomic) log_duration(text_of(statement, sql), was_logged);
    }
    if (atomic) {
      CommitTransactionCommand();
      log_duration(sql, was_logged);
    }
    MemoryContextSwitchTo(before);
  });
}

void reset_session() {
  begin_transaction();
  call([] {
    PortalHashTableDeleteAll();
    SetPGVariable("session_authorization", NIL, false);
    ResetAllOptions();
    DropAllPreparedStatements();
    LockReleaseAll(USER_LOCKMETHOD, true);
    ResetPlanCache();
    ResetTempTableNamespace();
    ResetSequenceCaches();
  });
  commit_transaction();
}

}  // namespace dynpgext::pg
