#include "provisioning/database.h"

#include "extensions/capture.h"
#include "extensions/execution.h"
#include "extensions/extension.h"
#include "extensions/identity.h"
#include "extensions/init_run.h"
#include "extensions/judgement.h"
#include "extensions/own_triggers.h"
#include "extensions/restore.h"
#include "extensions/wanted.h"
#include "manifests/rows.h"
#include "pg/database_setting.h"
#include "pg/quiet_client.h"
#include "pg/role_hold.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "shared/databases.h"
#include "shared/extension_states.h"
#include "shared/provisioning_lock.h"
#include "workers/decision.h"
#include "workers/launch.h"

namespace dynpgext::provisioning {
namespace {

// In a visit: follows rows written with triggers disabled, or by pg_upgrade.  A failure does not
// prevent the provisioning of extensions.
void follow_untold_rows(const catalog::store &store, const state::comparison &comparison) {
  (void)pg::tolerate("enabling the triggers of dynpgext's tables",
                     [&] { (void)mend_triggers(store); });
  (void)pg::tolerate("following the roles of SQL workers", [&] {
    if (comparison.first) pg::mend_role_holds(store.dynpgext());
    if (!expects_trusted_rows(store)) judge_identities(store);
    follow_identities(store);
  });
  (void)pg::tolerate("checking the owners of the database", [&] { judge_owners(store); });
  (void)pg::tolerate("following manifests",
                     [&] { (void)follow_untold_manifests(store, {}, looker::chance); });
}

using row_follower = void (*)(const catalog::store *);
constinit row_follower follow_others = nullptr;

// The extension that `find` finds among the registrations, empty: none.
template <class Find>
bool provision_registered(Find find) {
  if (!IsTransactionState() || !OidIsValid(MyDatabaseId) || in_session() || is_touched())
    return false;
  state::shared &s = state::attach();
  if (state::is_provisioned(s, MyDatabaseId)) return false;
  const std::optional<catalog::store> store = catalog::store::open();
  if (!store || store->may_have_written()) return false;
  if (find(wanted_registrations(*store)).empty()) return false;
  // the client learns what this waits for, and gets no messages once others wait for this
  state::scoped_provisioning_lock lock(s, MyDatabaseId);
  const pg::quiet_client quiet;
  const model::registrations wanted = wanted_registrations(*store);
  reload_options options;
  options.extension = find(wanted);
  options.retry_failed = false;
  if (options.extension.empty()) return false;
  if (publish(s, wanted, options).count(options.extension) != 0) return false;
  for (const model::action &planned : plan_with(s, wanted, options)) {
    if (planned.kind != model::action_kind::provision) continue;
    provision(*store, *wanted.find_extension(options.extension));
    // It registers something else now: its state and its memory are those of the commit.  Until
    // then nobody else may run its init, which would write the same rows, and wait for the commit
    // while holding the lock that the commit needs.
    if (is_touched()) {
      lock.keep();
      return true;
    }
    state::publish_holds(s, transaction_holds());
    state::set_extension_state(s, MyDatabaseId, options.extension,
                               model::extension_state::provisioned);
  }
  return true;
}

}  // namespace

void follow_in_visits(void (*follow)(const catalog::store *)) { follow_others = follow; }

void provision_database(const catalog::store &store, const state::comparison &comparison) {
  state::shared &s = state::attach();
  reload_options options;
  options.retry_failed = false;
  // the tables first, then the lock: the order of a commit
  (void)store.read();
  learn_worker_limit(s);
  if (!RecoveryInProgress()) follow_untold_rows(store, comparison);
  if (follow_others != nullptr) follow_others(&store);
  if (!RecoveryInProgress()) expect_removals(store, false);
  state::scoped_provisioning_lock lock(s, MyDatabaseId);
  // A transaction that was prepared before dynpgext was created, or before another prepared one
  // created it, ends later.
  if (!RecoveryInProgress() && comparison.first)
    state::watch_older(s, MyDatabaseId, pg::running_transactions());
  if (!RecoveryInProgress()) (void)follow_all(store, {}, false, !comparison.due);
  const model::registrations wanted = wanted_registrations(store);
  if (comparison.first && !RecoveryInProgress()) report_interrupted_restore(wanted);
  std::set<std::string> left_out;
  if (!is_touched()) left_out = publish(s, wanted, options);
  execute(store, s, wanted, without(plan_with(s, wanted, options), left_out), options);
  if (is_touched()) lock.keep();
}

void forget_current_database() {
  state::shared &s = state::attach();
  if (follow_others != nullptr) follow_others(nullptr);
  const state::scoped_provisioning_lock lock(s, MyDatabaseId);
  if (catalog::store::open()) return;  // another session has just installed it
  state::publication nothing(s, MyDatabaseId, {}, false);
  {
    const state::exclusive guard(s);
    nothing.publish();
    state::settle(s, nothing);
  }
  state::keep_extension_states(s, MyDatabaseId, {});
  (void)state::carry_out(s, state::decide_workers(s, MyDatabaseId, &nothing.touched()));
}

bool provision_name(const std::string &name) {
  return provision_registered([&](const model::registrations &all) {
    const model::allocation *a = all.find_allocation(name);
    return a == nullptr ? std::string() : a->extension;
  });
}

bool provision_extension(const std::string &name) {
  return provision_registered([&](const model::registrations &all) {
    return all.find_extension(name) == nullptr ? std::string() : name;
  });
}

bool is_name_registered(const std::string &name) {
  const std::optional<catalog::store> store = catalog::store::open();
  return store && wanted_registrations(*store).find_allocation(name) != nullptr;
}

std::optional<std::string> read_worker_limit() {
  return pg::database_setting(pg::settings::max_database_workers_name);
}

void learn_worker_limit(state::shared &s) {
  if (state::is_worker_limit(s, MyDatabaseId, read_worker_limit())) return;
  // otherwise an older value might overwrite one that another transaction commits
  const state::scoped_provisioning_lock lock(s, MyDatabaseId);
  state::set_worker_limit(s, MyDatabaseId, read_worker_limit());
}

}  // namespace dynpgext::provisioning
