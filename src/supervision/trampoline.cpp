// Where the process of every registered worker begins: dynpgext_worker_main().
//
// It reports the process, makes MyBgworkerEntry look as the author registered it, runs the
// author's function, and on the way out, however that comes, records exit code and error.
#include "pg/crash_exit.h"
#include "pg/fault.h"
#include "pg/library.h"
#include "pg/termination.h"
#include "pg/worker.h"
#include "state/attachments.h"
#include "state/guard.h"
#include "state/launch.h"

namespace {

using namespace dynpgext;

// What this process runs.  One for each process, never destroyed.
struct current_worker {
  state::worker_start start;
  state::message_text error;
};
constinit current_worker *current = nullptr;
constinit emit_log_hook_type previous_log_hook = nullptr;

// Without allocation: the process may be on its way out from anywhere.
void keep(int sqlstate, const char *message) noexcept {
  snprintf(current->error.bytes, sizeof current->error.bytes, "%s: %s", unpack_sql_state(sqlstate),
           message);
  const int length = static_cast<int>(current->error.view().size());
  // where a long one is cut, not in the middle of a character
  current->error.bytes[pg_mbcliplen(current->error.bytes, length, length)] = '\0';
}

// FATAL is reported on its way out, with nothing in between that could catch it.  An ERROR is
// kept where it leaves the author's function: others may be handled in there.
void on_log(ErrorData *data) {
  if (data->elevel >= FATAL && data->message != nullptr) keep(data->sqlerrcode, data->message);
  if (previous_log_hook != nullptr) previous_log_hook(data);
}

void on_exit(int told, Datum) {
  if (current == nullptr) return;
  const int code = pg::exit_status(told);
  pg::begin_exit();
  DYNPGEXT_FAULT_POINT("worker.exiting");
  // a normal end carries no error, whatever was logged before
  if (code == 0) current->error = {};
  state::report_exit(*state::attached(), current->start.id, current->start.ticket, code,
                     current->error);
}

using worker_function = void (*)(Datum);

// Reports this process; the author's function, or nullptr when it must not run.
worker_function prepare(Datum *argument) {
  state::launch_message message;
  std::memcpy(&message, MyBgworkerEntry->bgw_extra, sizeof message);
  state::shared &s = state::attach();
  auto start = state::come_up(s, {message.home, message.extension.str(), MyBgworkerEntry->bgw_name},
                              message.ticket);
  if (!start) return nullptr;
  DYNPGEXT_FAULT_POINT("worker.up");
  current = new current_worker{std::move(*start), {}};
  previous_log_hook = emit_log_hook;
  emit_log_hook = on_log;
  pg::watch_exit_status();
  pg::call([] { before_shmem_exit(on_exit, 0); });

  const model::worker &w = current->start.definition;
  state::guard_worker(state::key_of(current->start.id));
  state::note_file(s, current->start.id, current->start.ticket, pg::library_file(w.library));
  state::set_worker_database(message.home);
  strlcpy(MyBgworkerEntry->bgw_library_name, w.library.c_str(),
          sizeof MyBgworkerEntry->bgw_library_name);
  strlcpy(MyBgworkerEntry->bgw_function_name, w.function.c_str(),
          sizeof MyBgworkerEntry->bgw_function_name);
  std::memcpy(MyBgworkerEntry->bgw_extra, w.extra.data(), sizeof MyBgworkerEntry->bgw_extra);
  *argument =
      OidIsValid(message.home) ? ObjectIdGetDatum(message.home) : static_cast<Datum>(w.argument);
  MyBgworkerEntry->bgw_main_arg = *argument;
  DYNPGEXT_FAULT_POINT("worker.described");
  auto *function =
      reinterpret_cast<worker_function>(pg::library_function(w.library, w.function.c_str()));
  if (function == nullptr)
    throw pg::error(ERRCODE_UNDEFINED_FUNCTION, "library \"" + w.library + "\" has no function \"" +
                                                    w.function + "\" for background worker \"" +
                                                    w.name + "\" of extension \"" + w.extension +
                                                    "\"");
  return function;
}

void run() {
  Datum argument = 0;
  worker_function function = nullptr;
  try {
    function = prepare(&argument);
    pg::install_safe_termination();  // signals are still blocked: the author unblocks them
    pg::note_reload_requests();
    if (function != nullptr) pg::call([=] { function(argument); });
  } catch (const pg::server_error &e) {
    if (current != nullptr) keep(e.data()->sqlerrcode, e.data()->message);
    throw;
  } catch (const pg::error &e) {
    if (current != nullptr) keep(e.sqlstate(), e.what());
    throw;
  }
}

}  // namespace

extern "C" {
PGDLLEXPORT void dynpgext_worker_main(Datum);
}

void dynpgext_worker_main(Datum) {
  pg::entry([] { run(); });
}
