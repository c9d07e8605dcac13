// The entry point of every registered worker's process: dynpgext_worker_main().
//
// It reports the process, sets MyBgworkerEntry as the author registered it, runs the author's
// function, and at every kind of exit records exit code and error.
#include "guard/guard.h"
#include "memory/attachments.h"
#include "pg/barrier.h"
#include "pg/crash_exit.h"
#include "pg/fault.h"
#include "pg/library.h"
#include "pg/ownership.h"
#include "pg/serving.h"
#include "pg/termination.h"
#include "pg/worker.h"
#include "shared/last_words.h"
#include "workers/launch.h"
#include "workers/launcher_start.h"
#include "workers/preparation.h"

namespace dynpgext::supervision {
constinit preparation prepared_by;
}

namespace {

using namespace dynpgext;

// The worker of this process; never destroyed.
constinit const state::worker_start *current = nullptr;

void on_exit(int told, Datum) {
  pg::stop_reporting_barrier();
  if (current == nullptr) return;
  const int code = pg::exit_status(told);
  pg::begin_exit();
  DYNPGEXT_FAULT_POINT("worker.exiting");
  state::report_exit(*state::attached(), current->id, current->ticket, code,
                     state::last_words(code));
  state::look_for_launcher(*state::attached());  // the launcher restarts the worker
}

using worker_function = void (*)(Datum);

// Reports this process.  Returns the author's function, or nullptr if it must not run.
worker_function prepare(Datum *argument) {
  state::launch_message message;
  std::memcpy(&message, MyBgworkerEntry->bgw_extra, sizeof message);
  state::shared &s = state::attach();
  auto start =
      state::come_up(s, {message.ticket, message.home, message.list, message.extension.view()});
  if (!start) return nullptr;
  DYNPGEXT_FAULT_POINT("worker.up");
  current = new state::worker_start(std::move(*start));
  state::keep_last_words();
  pg::end_well_when_told(state::am_told_to_end);
  pg::watch_exit_status();
  pg::call([] { before_shmem_exit(on_exit, 0); });
  pg::belong_to_database_owner();

  const model::worker &w = current->definition;
  state::guard_worker(state::key_of(current->id));
  state::set_worker_database(message.home);
  const bool is_prepared = supervision::prepared_by.worker != nullptr &&
                           supervision::prepared_by.worker(w, message.home, argument);
  // the file of a prepared worker is not watched: if it is replaced, its library is hosted again
  if (!is_prepared) state::note_file(s, current->id, current->ticket, pg::library_file(w.library));
  // the postmaster has converted these to ASCII
  strlcpy(MyBgworkerEntry->bgw_name, w.name.c_str(), sizeof MyBgworkerEntry->bgw_name);
  strlcpy(MyBgworkerEntry->bgw_type, w.type.c_str(), sizeof MyBgworkerEntry->bgw_type);
  strlcpy(MyBgworkerEntry->bgw_library_name, w.library.c_str(),
          sizeof MyBgworkerEntry->bgw_library_name);
  strlcpy(MyBgworkerEntry->bgw_function_name, w.function.c_str(),
          sizeof MyBgworkerEntry->bgw_function_name);
  std::memcpy(MyBgworkerEntry->bgw_extra, w.extra.data(), sizeof MyBgworkerEntry->bgw_extra);
  if (!is_prepared)
    *argument =
        OidIsValid(message.home) ? ObjectIdGetDatum(message.home) : static_cast<Datum>(w.argument);
  MyBgworkerEntry->bgw_main_arg = *argument;
  pg::name_application("dynpgext: " + w.extension + "/" + w.name);
  DYNPGEXT_FAULT_POINT("worker.described");
  auto *function =
      reinterpret_cast<worker_function>(pg::library_function(w.library, w.function.c_str()));
  if (function == nullptr)
    throw pg::error(
        ERRCODE_UNDEFINED_FUNCTION,
        "library \"" + w.library + "\" has no function \"" + w.function +
            "\" for background worker \"" + w.name + "\" of extension \"" + w.extension + "\"",
        {},
        "Its library has been replaced; the function must be exported: declare it DYNPGEXT_EXPORT, and extern \"C\" in C++.");
  return function;
}

void run() {
  Datum argument = 0;
  worker_function function = nullptr;
  state::noting_errors([&] {
    function = prepare(&argument);
    pg::install_safe_termination();  // signals are still blocked: the author unblocks them
    if (const state::pulse *pulse = state::my_pulse()) pg::report_barrier(pulse->barrier);
    pg::note_reload_requests();
    if (function != nullptr) pg::call([=] { function(argument); });
  });
}

}  // namespace

DYNPGEXT_PROCESS_FUNCTION(dynpgext_worker_main) {
  pg::entry([] { run(); });
}
