// The process of a database's SQL workers: dynpgext_sql_runner_main().
//
// Between two commands it looks who is to start and to end, and what has been notified.  When it
// serves nobody it ends.  A command that ends the process (FATAL, exit) is charged to its own
// worker alone; the others go on in the next process.  An error of the runner's own ends all that
// it serves, and what follows for each is its restart policy's to say.
#include "pg/crash_exit.h"
#include "pg/fault.h"
#include "pg/ownership.h"
#include "pg/sql_command.h"
#include "pg/worker.h"
#include "state/last_words.h"
#include "state/launch.h"
#include "supervision/sql_workers.h"

namespace {

using namespace dynpgext;

constinit Oid database = InvalidOid;
constinit ProcessUtility_hook_type previous_hook = nullptr;

void on_exit(int told, Datum) {
  const int code = pg::exit_status(told);
  pg::begin_exit();
  state::report_runner_exit(*state::attached(), database, code, state::last_words(code));
  state::look_for_launcher(*state::attached());
}

// What is listened on here is others', too.
void on_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
                ProcessUtilityContext context, ParamListInfo parameters,
                QueryEnvironment *environment, DestReceiver *destination, QueryCompletion *done) {
  if (nodeTag(planned->utilityStmt) == T_UnlistenStmt)
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot execute %s within an SQL worker", "UNLISTEN")));
  const ProcessUtility_hook_type next =
      previous_hook != nullptr ? previous_hook : standard_ProcessUtility;
  next(planned, query, read_only_tree, context, parameters, environment, destination, done);
}

bool take_office(state::shared &s) {
  state::runner_message message;
  std::memcpy(&message, MyBgworkerEntry->bgw_extra, sizeof message);
  if (!state::become_runner(s, database, message.ticket)) return false;
  DYNPGEXT_FAULT_POINT("runner.in_office");
  state::keep_last_words();
  pg::watch_exit_status();
  pg::call([] { before_shmem_exit(on_exit, 0); });
  return true;
}

void connect() {
  pg::name_application("dynpgext sql runner");
  pg::belong_to_database_owner();
  pg::call([] {
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  });
  pg::report_idle();
  previous_hook = ProcessUtility_hook;
  ProcessUtility_hook = on_utility;
}

void serve(state::shared &s) {
  supervision::sql_workers workers(s, database);
  for (bool nudged = true;; nudged = pg::was_nudged()) {
    if (nudged) workers.follow();
    workers.hear();
    if (workers.empty()) {
      if (state::retire(s, database)) return;
      workers.follow();
    }
    (void)pg::reload_configuration_if_asked();
    if (!workers.run_one()) pg::idle_until_woken(workers.nap());
  }
}

void run() {
  database = DatumGetObjectId(MyBgworkerEntry->bgw_main_arg);
  pg::prepare_for_commands();
  state::shared &s = state::attach();
  if (!take_office(s)) return;
  state::noting_errors([&] {
    connect();
    serve(s);
  });
}

}  // namespace

extern "C" {
PGDLLEXPORT void dynpgext_sql_runner_main(Datum);
}

void dynpgext_sql_runner_main(Datum) {
  pg::entry([] { run(); });
}
