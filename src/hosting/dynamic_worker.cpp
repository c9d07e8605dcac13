#include "hosting/dynamic_worker.h"

#include "hosting/loading.h"
#include "hosting/process.h"
#include "pg/lock.h"
#include "pg/own_library.h"
#include "pg/serving.h"
#include "pg/worker.h"

namespace dynpgext::hosting {
namespace {

struct message {
  uint64 instance;
  uint64 number;
};
static_assert(sizeof(message) <= BGW_EXTRALEN);

// A free one, or the oldest: its process was refused, or has ended before it started.
asked_worker *place_for(window_header &header) {
  asked_worker *oldest = nullptr;
  for (asked_worker &a : header.asked_workers) {
    if (a.number == 0) return &a;
    if (!a.is_for_good && (oldest == nullptr || a.number < oldest->number)) oldest = &a;
  }
  return oldest;
}

uint64 note(window_header &header, const BackgroundWorker &worker) {
  const pg::lwlock_guard lock(&header.lock, LW_EXCLUSIVE);
  asked_worker *place = place_for(header);
  if (place == nullptr) return 0;
  place->number = header.next_asked++;
  place->is_for_good = worker.bgw_restart_time != BGW_NEVER_RESTART;
  strlcpy(place->library, worker.bgw_library_name, sizeof place->library);
  strlcpy(place->function, worker.bgw_function_name, sizeof place->function);
  std::memcpy(place->extra, worker.bgw_extra, sizeof place->extra);
  return place->number;
}

// The noted request; frees its place, unless the postmaster may start the worker again.
std::optional<asked_worker> take(window_header &header, uint64 number, bool is_over) {
  const pg::lwlock_guard lock(&header.lock, LW_EXCLUSIVE);
  for (asked_worker &a : header.asked_workers) {
    if (a.number != number) continue;
    asked_worker found = a;
    if (is_over || !a.is_for_good) a.number = 0;
    return found;
  }
  return std::nullopt;
}

constinit instance *counted = nullptr;

void leave_count(int, Datum) {
  if (counted != nullptr) (void)pg_atomic_fetch_sub_u32(&counted->dynamic_workers, 1);
}

void count(instance &i) {
  (void)pg_atomic_fetch_add_u32(&i.dynamic_workers, 1);
  counted = &i;
  pg::call([] { before_shmem_exit(leave_count, 0); });
}

void run(Datum argument) {
  message m;
  std::memcpy(&m, MyBgworkerEntry->bgw_extra, sizeof m);
  state::shared &s = state::attach();
  library *l = load_for_worker(s, m.instance);
  if (l == nullptr) return;  // no longer hosted
  count(*find_instance(require_block(s), m.instance));
  const auto asked = take(l->window.header(), m.number, false);
  if (!asked)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "a background worker of hosted library \"" + l->name() +
                        "\" has started too late: others have been requested since");
  strlcpy(MyBgworkerEntry->bgw_library_name, asked->library,
          sizeof MyBgworkerEntry->bgw_library_name);
  strlcpy(MyBgworkerEntry->bgw_function_name, asked->function,
          sizeof MyBgworkerEntry->bgw_function_name);
  std::memcpy(MyBgworkerEntry->bgw_extra, asked->extra, sizeof asked->extra);
  redirect_also(l->place(), asked->library);
  const auto function =
      reinterpret_cast<bgworker_main_type>(pg::library_function(asked->library, asked->function));
  if (function == nullptr)
    throw pg::error(ERRCODE_UNDEFINED_FUNCTION, "library \"" + std::string(asked->library) +
                                                    "\" has no function \"" + asked->function +
                                                    "\"");
  pg::call([=] { function(argument); });
}

}  // namespace

bool start_dynamic_worker(library &l, const BackgroundWorker &worker,
                          BackgroundWorkerHandle **handle) {
  BackgroundWorker ours = worker;
  const bool is_of_server = std::strcmp(worker.bgw_library_name, "postgres") == 0;
  if (is_of_server || !l.window.is_open())
    return pg::call([&ours, handle] { return RegisterDynamicBackgroundWorker(&ours, handle); });
  window_header &header = l.window.header();
  const message m{l.number(), note(header, worker)};
  if (m.number == 0) return false;
  strlcpy(ours.bgw_library_name, pg::own_library(), sizeof ours.bgw_library_name);
  strlcpy(ours.bgw_function_name, "dynpgext_hosted_worker_main", sizeof ours.bgw_function_name);
  std::memset(ours.bgw_extra, 0, sizeof ours.bgw_extra);
  std::memcpy(ours.bgw_extra, &m, sizeof m);
  if (pg::call([&ours, handle] { return RegisterDynamicBackgroundWorker(&ours, handle); }))
    return true;
  (void)take(header, m.number, true);
  return false;
}

}  // namespace dynpgext::hosting

DYNPGEXT_PROCESS_FUNCTION(dynpgext_hosted_worker_main) {
  dynpgext::pg::entry([=] { dynpgext::hosting::run(argument); });
}
