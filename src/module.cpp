// Runs when the server loads the library.
#include "api/lookup.h"
#include "extensions/restore.h"
#include "guard/guard.h"
#include "guard/quarantine.h"
#include "hosting/host.h"
#include "hosting/instances.h"
#include "hosting/process.h"
#include "hosting/static_worker.h"
#include "hosting/transaction.h"
#include "launcher/extension_commands.h"
#include "launcher/utility.h"
#include "memory/attachments.h"
#include "model/allowed.h"
#include "pg/border.h"
#include "pg/own_library.h"
#include "pg/ownership.h"
#include "pg/parallel_worker.h"
#include "pg/serving.h"
#include "pg/settings.h"
#include "pg/swallowed.h"
#include "pg/transaction.h"
#include "provisioning/commit.h"
#include "provisioning/database.h"
#include "shared/events.h"
#include "shared/runs.h"
#include "shared/versions.h"
#include "workers/extension_commands.h"
#include "workers/launch.h"
#include "workers/launcher_start.h"
#include "workers/preparation.h"
#include "workers/use.h"

extern "C" {
DYNPGEXT_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

namespace {

using namespace dynpgext;

constinit shmem_request_hook_type previous_request_hook = nullptr;

void request_shared_memory() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(state::root_size);
  supervision::watch_utility_analysis();  // all preloaded libraries have been loaded by now
}

// Work of the first process that finds the shared memory new.
void begin_run(state::shared &s) {
  if (!DsaPointerIsValid(s.root->events))
    (void)pg::tolerate(
        "making room for events", [&s] { state::keep_events(s, state::default_event_capacity); },
        nullptr);
  if (!DsaPointerIsValid(s.root->runs))
    (void)pg::tolerate(
        "making room for runs", [&s] { state::keep_runs(s, state::default_run_capacity); },
        nullptr);
  state::judge_crashes(s);
  (void)pg::tolerate(
      "checking prepared transactions", [&s] { state::recall_pauses(s); }, nullptr);
}

void when_preloaded() {
  state::set_preloaded();
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = request_shared_memory;
  if (!IsBinaryUpgrade) (void)state::start_launcher_process(true);
}

// Will this process run only an extension's worker?
bool is_worker_process() {
  return MyBgworkerEntry != nullptr &&
         std::strcmp(MyBgworkerEntry->bgw_function_name, state::worker_entry_point) == 0;
}

// By session_preload_libraries, at the start of a session: no statement has begun.
bool is_session_preloaded() {
  return MyBackendType == B_BACKEND && IsUnderPostmaster && debug_query_string == nullptr;
}

// A failure to start the launcher must not refuse the session.
void bring_back() {
  const auto start = [] { (void)state::use(); };
  if (!IsTransactionState())
    (void)pg::swallow("starting the launcher", start, "Functions of dynpgext try again.");
  else if (const auto why = pg::attempt(start))
    pg::log(LOG, "dynpgext: the launcher has not been started: " + why->message,
            "The next use of dynpgext tries again.");
}

// In a parallel worker.
void follow_leader() noexcept {
  pg::belong_to_leader();
  state::guard_as_leader();
  hosting::load_as_leader();
}

// Connects later layers to earlier ones with callbacks.
void prepare_hosting() {
  hosting::watch_transactions();
  provisioning::follow_in_visits(hosting::follow_rows);
  provisioning::follow_drops_of_dynpgext(hosting::unhost_all);
  supervision::prepared_by = {hosting::prepare_worker, hosting::prepare_runner,
                              hosting::keep_keepers, hosting::are_slots_kept,
                              hosting::gives_slot_to_keeper};
}

void initialise() {
  pg::note_own_file();
  pg::settings::set_allowed_extensions_check(
      [](const char *list) { return model::is_allowed_list(list); });
  if (!is_worker_process()) pg::settings::define();
  pg::at_start_of_parallel_worker(follow_leader);
  pg::watch_swallowed();
  state::set_first_use(begin_run);
  supervision::watch_extension_commands();  // before the next: the server calls the last one first
  provisioning::watch_transactions();
  prepare_hosting();
  supervision::watch_utility_commands();
  provisioning::watch_restores();
  api::publish_table();
  if (process_shared_preload_libraries_in_progress)
    when_preloaded();
  else
    supervision::watch_utility_analysis();
  // so the first session after a start starts everything, whatever the session does
  if (is_session_preloaded()) bring_back();
}

// Another layout has been in use since the server was started: its kept library serves.  If none is
// kept, attaching fails with a hint to restart the server.
bool is_other_to_serve() {
  if (process_shared_preload_libraries_in_progress) return false;
  const std::optional<uint32> layout = state::other_layout();
  if (!layout) return false;
  const std::string file = pg::kept_library(*layout);
  if (pg::identify_file(file.c_str()) == pg::file_identity{}) return false;
  pg::serve_by(file);
  return true;
}

}  // namespace

void _PG_init(void) {
  pg::entry([] {
    bool is_served = false;
    // if this cannot be determined, the process continues, and gets the error when it attaches
    (void)pg::tolerate(
        "looking for the library that serves", [&] { is_served = is_other_to_serve(); }, nullptr);
    if (!is_served) initialise();
  });
}
