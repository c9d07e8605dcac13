#include "hosting/host.h"

#include "extensions/ledger.h"
#include "extensions/participant.h"
#include "guard/quarantine.h"
#include "hosting/instances.h"
#include "hosting/loading.h"
#include "hosting/noted_rows.h"
#include "hosting/process.h"
#include "hosting/redirection.h"
#include "hosting/session_list.h"
#include "hosting/static_worker.h"
#include "hosting/transaction.h"
#include "pg/database_origin.h"
#include "pg/fault.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "pg/worker.h"
#include "workers/launch.h"
#include "workers/use.h"

namespace dynpgext::hosting {
namespace {

const catalog::hosted_row *find(const std::vector<catalog::hosted_row> &rows,
                                const std::string &library) {
  for (const catalog::hosted_row &row : rows)
    if (row.library == library) return &row;
  return nullptr;
}

// The instance hosted by this database; 0: none.
uint64 own_instance(state::shared &s, const std::string &library) {
  block &b = require_block(s);
  const state::reading lock(s);
  for (const instance *i : in_order(b))
    if (i->library.view() == library && i->source == MyDatabaseId && !is_unhosted(i->number))
      return i->number;
  return 0;
}

[[noreturn]] void refuse_loaded(const std::string &library) {
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "library \"" + library +
                      "\" is loaded in this session already, and cannot be hosted in it",
                  {}, "Use a new session.");
}

void refuse_other_use(const catalog::store &store, const std::string &library) {
  for (const model::extension &e : store.read_extensions())
    if (e.name == library)
      throw pg::error(ERRCODE_DUPLICATE_OBJECT,
                      "library \"" + library + "\" cannot be hosted: extension \"" + e.name +
                          "\" has registered memory or workers under that name");
}

// Waits until the keeper has made it; interruptible.  An error undoes it with the transaction.
void make(state::shared &s, uint64 number, const std::string &library) {
  if (state::is_quarantined(s, status_of(s, number)->database, library))
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "library \"" + library + "\" is quarantined", {},
                    "Use dynpgext.release() to end that.");
  BackgroundWorkerHandle *keeper = nullptr;
  if (!ask_for_keeper(s, number, &keeper))
    throw pg::error(ERRCODE_INSUFFICIENT_RESOURCES,
                    "no free slot for the keeper of library \"" + library + "\"", {},
                    "Increase max_worker_processes.");
  auto status = status_of(s, number);
  for (bool has_ended = false; status && status->state == instance_state::asked;) {
    if (has_ended)
      throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "the keeper of library \"" + library + "\" has ended before it was hosted",
                      {}, "The server's log has more.");
    has_ended = keeper == nullptr || pg::has_stopped(keeper);  // it may have finished just before
    constexpr long nap = 200;
    status = await(s, number, has_ended ? 0 : nap);
  }
  if (keeper != nullptr) pg::free_handle(keeper);
  if (!status || status->state == instance_state::leaving)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "library \"" + library + "\" has been unhosted meanwhile");
  // an error of the caller, or of the library
  const bool is_callers = status->sqlstate == ERRCODE_INVALID_PARAMETER_VALUE;
  if (status->state == instance_state::failed)
    throw pg::error(is_callers ? ERRCODE_INVALID_PARAMETER_VALUE
                               : ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
                    "library \"" + library + "\" could not be hosted: " + status->error, {},
                    "The server's log has more.");
}

// A library that is already hosted is tried again by rehost(), which shows the error.
bool is_loadable(const std::string &library) {
  return find_library(library) == nullptr && !is_loaded(pg::library_file("$libdir/" + library));
}

void have_here(state::shared &s, uint64 number) {
  if (!attach(s, number))
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "the library has been unhosted meanwhile");
  load(s, number);
}

// In a visit.  Without dynpgext in the database: a transaction has hosted something, and was rolled
// back together with its CREATE EXTENSION; or a database that hosted libraries has been dropped,
// and no other one has dynpgext.
void list_for_sessions(bool any_sessions) {
  if (RecoveryInProgress()) return;
  (void)pg::tolerate(
      "removing dropped databases from dynpgext.hosting_databases",
      [] { remove_dropped_databases(); }, nullptr);
  if (any_sessions == is_listed()) return;
  (void)pg::tolerate(
      "setting session_preload_libraries",
      [any_sessions] { any_sessions ? add_to_sessions() : remove_from_sessions(); }, nullptr);
}

// Hosts exactly the committed rows.  `committed` is older than these: host() may commit meanwhile.
void follow_instances(state::shared &s, const std::vector<uint64> &committed,
                      const std::vector<catalog::hosted_row> &rows) {
  for (const uint64 number : committed) {
    const auto status = status_of(s, number);
    if (!status || find(rows, status->library) != nullptr) continue;
    leave(s, number);
    follow_again(s);
  }
  for (const catalog::hosted_row &row : rows) {
    if (is_served(s, row) || !provisioning::is_allowed(row.library)) continue;
    const std::string doing = "hosting library \"" + row.library + "\"";
    (void)pg::tolerate(
        doing.c_str(), [&] { (void)ask_for_keeper(s, claim(s, row, 0)); }, nullptr);
  }
}

// Registers the workers of restored rows, once their libraries are hosted.
void register_restored(const catalog::store &store, state::shared &s,
                       const std::vector<catalog::hosted_row> &rows) {
  constexpr long patience = 10000;
  const std::vector<model::extension> registered = store.read_extensions();
  for (const catalog::hosted_row &row : rows) {
    const bool is_known = std::any_of(registered.begin(), registered.end(), [&](const auto &e) {
      return e.name == row.library && e.is_library;
    });
    const uint64 number = is_known ? 0 : own_instance(s, row.library);
    if (number == 0) continue;
    const auto status = await(s, number, patience);
    if (!status || status->state != instance_state::hosted) continue;
    (void)pg::tolerate(
        "registering workers of hosted libraries",
        [&] {
          refuse_other_use(store, row.library);
          register_static_workers(s, number, store, row);
        },
        nullptr);
  }
}

// A copy with another owner hosts nothing until a superuser allows it.
void refuse_copied(const catalog::store &store, std::vector<catalog::hosted_row> &rows) {
  if (!is_followed(state::attach()))  // logged once in a run of the server
    pg::log(
        LOG,
        "dynpgext: libraries are not hosted: this database is a copy, and has had an owner who is "
        "not a superuser",
        "To host them here, a superuser can call dynpgext.rehost().");
  pg::note_copied_database();
  if (!RecoveryInProgress())
    for (const model::extension &e : store.read_extensions())
      if (e.is_library && find(rows, e.name) != nullptr) forget_static_workers(store, e.name);
  rows.clear();
}

}  // namespace

std::string host(const catalog::store &store, catalog::hosted_row row) {
  pg::require_writable("dynpgext.host()");
  provisioning::require_allowed(row.library);
  state::shared &s = state::use();
  const std::vector<catalog::hosted_row> rows = catalog::read_hosted(store);
  if (find(rows, row.library) != nullptr)
    throw pg::error(ERRCODE_DUPLICATE_OBJECT, "library \"" + row.library + "\" is hosted already",
                    {}, "Use dynpgext.rehost() to host it again, or dynpgext.unhost() first.");
  refuse_other_use(store, row.library);
  (void)redirection_of(row.library, read_library(row.library));  // before a process is needed
  row.position = next_position(s);
  if (rows.empty()) note_followed(s);  // nobody needs to wait for it
  pg::note_original_database();
  const uint64 number = claim(s, row, MyProcPid);
  note_hosted(number);
  DYNPGEXT_FAULT_POINT("hosting.claimed");
  if (!is_loadable(row.library)) refuse_loaded(row.library);
  make(s, number, row.library);
  DYNPGEXT_FAULT_POINT("hosting.made");
  have_here(s, number);
  catalog::write_hosted(store, row);
  note_rows(store, true);
  register_static_workers(s, number, store, row);
  if (row.sessions) add_to_sessions();
  DYNPGEXT_FAULT_POINT("hosting.written");
  return "hosted";
}

bool unhost(const catalog::store &store, const std::string &library) {
  pg::require_writable("dynpgext.unhost()");
  const std::vector<catalog::hosted_row> rows = catalog::read_hosted(store);
  if (find(rows, library) == nullptr) return false;
  state::shared &s = state::use();
  catalog::erase_hosted(store, library);
  note_rows(store, true);
  forget_static_workers(store, library);
  if (const uint64 number = own_instance(s, library)) note_unhosted(number);
  note_changed_rows();  // ALTER SYSTEM is not undone by a rollback: a visit changes the lists
  DYNPGEXT_FAULT_POINT("hosting.erased");
  return true;
}

std::string rehost(const catalog::store &store, const std::string &library) {
  pg::require_writable("dynpgext.rehost()");
  provisioning::require_allowed(library);
  state::shared &s = state::use();
  const std::vector<catalog::hosted_row> rows = catalog::read_hosted(store);
  const catalog::hosted_row *row = find(rows, library);
  if (row == nullptr)
    throw pg::error(ERRCODE_UNDEFINED_OBJECT,
                    "library \"" + library + "\" is not hosted by this database", {},
                    "SELECT * FROM dynpgext.hosted lists the hosted libraries.");
  (void)redirection_of(library, read_library(library));
  pg::note_original_database();
  const uint64 old = own_instance(s, library);
  const uint64 number = claim(s, *row, MyProcPid, old);
  note_hosted(number, old);
  if (old != 0) end_keeper(s, old);
  DYNPGEXT_FAULT_POINT("hosting.made_way");
  make(s, number, library);
  if (is_loadable(library)) have_here(s, number);
  register_static_workers(s, number, store, *row);
  if (row->sessions) add_to_sessions();
  DYNPGEXT_FAULT_POINT("hosting.replaced");
  return "hosted";
}

void unhost_all() {
  pg::forget_original_database();
  forget_noted_rows();
  state::shared &s = state::attach();
  for (const uint64 number : committed_instances(s, MyDatabaseId)) note_unhosted(number);
  // before the commit: no visit follows
  if (find_block(s) != nullptr || is_listed())
    (void)pg::tolerate(
        "setting session_preload_libraries", [] { remove_from_sessions(); }, nullptr);
}

int attach_hosted() { return load_all(state::use(), MyDatabaseId).loaded; }

void follow_rows(const catalog::store *current) {
  if (current == nullptr) return list_for_sessions(false);
  const catalog::store &store = *current;
  state::shared &s = state::attach();
  const std::vector<uint64> committed = committed_instances(s, MyDatabaseId);
  std::vector<catalog::hosted_row> rows = catalog::read_hosted(store);
  if (rows.empty() && find_block(s) == nullptr && !is_listed()) return;
  const bool hosts = rows.empty() || pg::is_original_database();
  if (!hosts) refuse_copied(store, rows);
  follow_instances(s, committed, rows);
  DYNPGEXT_FAULT_POINT("hosting.following");
  note_followed(s);
  if (RecoveryInProgress()) return;
  register_restored(store, s, rows);
  note_rows(store, false, hosts);
  DYNPGEXT_FAULT_POINT("hosting.followed");
  const bool any_sessions =
      std::any_of(rows.begin(), rows.end(), [](const auto &r) { return r.sessions; });
  list_for_sessions(any_sessions);
}

}  // namespace dynpgext::hosting
