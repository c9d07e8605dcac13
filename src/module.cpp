// What happens when the server loads the library.
#include "api/lookup.h"
#include "model/allowed.h"
#include "pg/border.h"
#include "pg/ownership.h"
#include "pg/settings.h"
#include "provisioning/transaction.h"
#include "state/attachments.h"
#include "state/launch.h"
#include "supervision/utility.h"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

namespace {

using namespace dynpgext;

#if PG_VERSION_NUM >= 150000
constinit shmem_request_hook_type previous_request_hook = nullptr;

void request_shared_memory() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(state::root_size);
}
#endif

void when_preloaded() {
  state::set_preloaded();
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = request_shared_memory;
  if (!IsBinaryUpgrade) (void)state::start_launcher_process(true);
}

// Will this process run an extension's worker, and nothing else?
bool is_worker_process() {
  return MyBgworkerEntry != nullptr &&
         std::strcmp(MyBgworkerEntry->bgw_function_name, state::worker_entry_point) == 0;
}

void initialise() {
  pg::settings::set_allowed_extensions_check(
      [](const char *list) { return model::is_allowed_list(list); });
  if (!is_worker_process()) pg::settings::define();
  pg::belong_to_leader();
  state::set_memory_limit_source(pg::settings::memory_limit_bytes);
  provisioning::watch_transactions();
  supervision::watch_database_commands();
  api::publish_table();
  if (process_shared_preload_libraries_in_progress) when_preloaded();
}

}  // namespace

void _PG_init(void) {
  pg::entry([] { initialise(); });
}
