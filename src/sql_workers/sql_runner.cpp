// An SQL runner: the process of all SQL workers of one database and role, or of a single one.
// Begins in dynpgext_sql_runner_main().  It is authenticated as this role: it gets the role's
// settings and has no other rights.
//
// Between two commands it checks for workers to start and to end, and for notifications.  It ends
// if it serves no worker, or none that is due soon.  If a command ends the process (FATAL, exit),
// only its own worker has failed; the others continue in the next process.  An error of the runner
// itself ends all of its workers; their restart policies decide what follows.
#include "pg/crash_exit.h"
#include "pg/fault.h"
#include "pg/login_settings.h"
#include "pg/ownership.h"
#include "pg/serving.h"
#include "pg/settings.h"
#include "pg/sql_command.h"
#include "pg/termination.h"
#include "pg/utility.h"
#include "pg/worker.h"
#include "shared/last_words.h"
#include "shared/runners.h"
#include "shared/versions.h"
#include "sql_workers/sql_workers.h"
#include "workers/launch.h"
#include "workers/launcher_start.h"
#include "workers/preparation.h"

namespace {

using namespace dynpgext;

constinit state::runner_key self{};

void on_exit(int told, Datum) {
  const int code = pg::exit_status(told);
  pg::begin_exit();
  state::message_text error = state::last_words(code);
  if (pg::has_outstayed_deadline())
    state::keep_words(ERRCODE_QUERY_CANCELED,
                      "the command went on after its deadline, and was ended with its process",
                      &error);
  state::report_runner_exit(*state::attached(), self, code, error);
  state::look_for_launcher(*state::attached());
}

// All workers of the process share its channels.
const char *forgets_channels(const Node *statement) {
  if (IsA(statement, UnlistenStmt)) return "UNLISTEN";
  const bool is_all = IsA(statement, DiscardStmt) &&
                      reinterpret_cast<const DiscardStmt *>(statement)->target == DISCARD_ALL;
  return is_all ? "DISCARD ALL" : nullptr;
}

void on_utility(const pg::utility_statement &seen) {
  if (const char *what = forgets_channels(seen.statement))
    throw pg::error(ERRCODE_FEATURE_NOT_SUPPORTED,
                    std::string("cannot execute ") + what + " within an SQL worker");
}

bool take_office(state::shared &s) {
  state::runner_message message;
  std::memcpy(&message, MyBgworkerEntry->bgw_extra, sizeof message);
  self = message.key;
  if (!state::become_runner(s, message)) return false;
  DYNPGEXT_FAULT_POINT("runner.in_office");
  state::keep_last_words();
  // if its command does not end, dynpgext ends the process
  pg::end_well_when_told(pg::is_command_called_off);
  pg::watch_exit_status();
  pg::call([] { before_shmem_exit(on_exit, 0); });
  return true;
}

void connect() {
  pg::name_application("dynpgext sql runner");
  pg::belong_to_database_owner();
  if (supervision::prepared_by.runner != nullptr) supervision::prepared_by.runner(self.database);
  // each run checks whether its command may run as a role without LOGIN
  constexpr uint32 flags = pg::versions::connect_without_login;
  pg::call([=] {
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(self.database, self.role, flags);
  });
  pg::note_login_settings();
  pg::report_idle();
  pg::watch_utility(on_utility);
}

// Other workers wait, and this process has existed for dynpgext.runner_idle_timeout.
bool has_had_its_turn(const state::shared &s, pg::moment in_office_since) {
  const std::chrono::milliseconds turn(pg::settings::runner_idle_timeout_milliseconds());
  return turn.count() >= 0 && pg::moment::now() - in_office_since >= turn &&
         state::is_runner_wanted(s, self);
}

// To a process with priority over workers.
bool gives_slot_away() {
  const auto gives_slot = supervision::prepared_by.gives_slot;
  return gives_slot != nullptr && gives_slot();
}

void serve(state::shared &s) {
  using outcome = supervision::sql_workers::outcome;
  supervision::sql_workers workers(s, self);
  const pg::moment in_office_since = pg::moment::now();
  pg::moment idle_since = in_office_since;
  for (bool nudged = true;; nudged = pg::was_nudged()) {
    if (nudged) workers.follow();
    workers.hear();
    if (workers.empty()) {
      if (state::retire(s, self)) return;
      workers.follow();
    }
    (void)pg::reload_configuration_if_asked();
    if (state::is_own_library_old(s) || gives_slot_away()) {
      if (state::rest(s, self, workers.due(), true)) return;
      workers.follow();
    }
    const outcome ran = workers.run_one();
    if (ran == outcome::stale) {
      if (state::rest(s, self, workers.due(), true)) return;
      workers.follow();  // a new worker has arrived; it also continues in the next process
    } else if (ran == outcome::ran) {
      idle_since = pg::moment::now();
      if (has_had_its_turn(s, in_office_since) && state::rest(s, self, workers.due(), true)) return;
    } else if (const auto timeout = workers.idle_timeout(state::is_runner_wanted(s, self))) {
      const long left = pg::milliseconds_until(idle_since + *timeout);
      // a process that listens must come back when it is its turn again
      if (left <= 0 && state::rest(s, self, workers.due(), workers.listens())) return;
      const long nap = workers.nap();
      pg::idle_until_woken(nap < 0 ? std::max(left, 1L) : std::min(nap, std::max(left, 1L)));
    } else {
      pg::idle_until_woken(workers.nap());
    }
  }
}

void run() {
  pg::prepare_for_commands();
  state::shared &s = state::attach();
  if (!take_office(s)) return;
  state::noting_errors([&] {
    connect();
    serve(s);
  });
}

}  // namespace

DYNPGEXT_PROCESS_FUNCTION(dynpgext_sql_runner_main) {
  pg::entry([] { run(); });
}
