#include "launcher/extension_commands.h"

#include "catalog/store.h"
#include "pg/error_report.h"
#include "pg/extension_command.h"
#include "pg/lock.h"
#include "pg/relation.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "shared/pauses.h"
#include "shared/worker_identity.h"
#include "workers/clearing.h"
#include "workers/extension_commands.h"

namespace dynpgext::supervision {
namespace {

void pause_and_wait(state::shared &s, const std::vector<std::string> &extensions) {
  pg::settings::define();
  const long patience = pg::settings::stop_timeout_milliseconds();
  const auto told = state::pause_extensions(s, extensions);
  for (const state::worker_identity &id : state::wait_until_ended(s, told, patience))
    pg::log(WARNING, name_of(id) + " has not ended within " + std::to_string(patience) + " ms",
            "The command on its extension continues, and waits for the worker's locks.");
}

// Including dynpgext; empty without it.
std::vector<std::string> installed_extensions() {
  std::vector<std::string> names;
  if (!OidIsValid(pg::extension_oid("dynpgext"))) return names;
  for (const model::installed_extension &e : catalog::installed_extensions())
    names.push_back(e.name);
  names.emplace_back("dynpgext");
  std::sort(names.begin(), names.end());
  return names;
}

// Registrations for the extensions, and settings of their workers, finish before the command locks
// anything that they may need.  A command that drops dynpgext waits for them at its tables.
void take_turns(const std::vector<std::string> &extensions) {
  if (std::find(extensions.begin(), extensions.end(), "dynpgext") != extensions.end()) return;
  for (const std::string &name : extensions)
    pg::take_turn(pg::turn::registrations, name, pg::turn_mode::alone);
}

// Anybody can block the command's lock on the extension (ALTER FUNCTION ... DEPENDS ON EXTENSION).
// So the command waits for it while the workers still run.  If dynpgext is dropped, the other
// extensions stay.
void lock_dropped(const Node *statement, const std::vector<std::string> &extensions) {
  const bool is_ours =
      std::find(extensions.begin(), extensions.end(), "dynpgext") != extensions.end();
  pg::lock_dropped(statement, is_ours ? std::vector<std::string>{"dynpgext"} : extensions);
}

void on_transaction_with_pauses(XactEvent event, void *) {
  switch (event) {
    case XACT_EVENT_PRE_PREPARE:
      pg::entry([] { state::prepare_pauses(GetTopTransactionIdIfAny()); });
      break;
    case XACT_EVENT_PREPARE: state::leave_pauses(); break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT: state::end_pauses(); break;
    default: break;
  }
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId my_id, SubTransactionId parent_id,
                             void *) {
  if (event == SUBXACT_EVENT_COMMIT_SUB) state::reparent_pauses(my_id, parent_id);
  if (event == SUBXACT_EVENT_ABORT_SUB) state::end_pauses(my_id);
}

// A failed command needs no pause any more, even if its client does not read the error.
void before_report(pg::error_end end) noexcept {
  if (end == pg::error_end::transaction)
    state::end_pauses();
  else
    state::end_pauses(GetCurrentSubTransactionId());
}

}  // namespace

void make_room_for(const Node *statement) {
  if (!pg::may_concern_extensions(statement) || !OidIsValid(MyDatabaseId)) return;
  const char *doing = "stopping workers for a command on an extension";
  const char *hint = "The command waits for the locks that they hold.";
  // a failure here, except in reading the statement, does not prevent the command
  if (state::attached() == nullptr && !pg::tolerate(
                                          doing, [] { (void)state::attach(); }, hint))
    return;
  state::shared &s = state::attach();
  const std::vector<std::string> candidates = state::extensions_with_workers(s);
  const std::vector<std::string> all = installed_extensions();
  if (all.empty()) return;
  std::vector<std::string> wanted = pg::extensions_wanted_alone(statement, all);
  take_turns(wanted);
  lock_dropped(statement, wanted);
  for (const std::string &name : wanted) pg::note_pause(name);
  std::erase_if(wanted, [&](const std::string &name) {
    return std::find(candidates.begin(), candidates.end(), name) == candidates.end();
  });
  if (wanted.empty()) return;
  (void)pg::tolerate(
      doing, [&] { pause_and_wait(s, wanted); }, hint);
}

void watch_extension_commands() {
  pg::call([] {
    RegisterXactCallback(on_transaction_with_pauses, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
  });
  pg::watch_errors({state::has_own_pauses, before_report});
}

}  // namespace dynpgext::supervision
