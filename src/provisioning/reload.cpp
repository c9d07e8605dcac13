#include "provisioning/reload.h"

#include "extensions/capture.h"
#include "extensions/extension.h"
#include "extensions/identity.h"
#include "extensions/judgement.h"
#include "extensions/restore.h"
#include "extensions/wanted.h"
#include "guard/quarantine.h"
#include "manifests/rows.h"
#include "model/registration_index.h"
#include "pg/fault.h"
#include "pg/relation.h"
#include "provisioning/database.h"
#include "shared/databases.h"
#include "shared/extension_states.h"
#include "shared/provisioning_lock.h"
#include "workers/launch.h"
#include "workers/launcher_start.h"
#include "workers/places.h"

namespace dynpgext::provisioning {
namespace {

using model::action;
using model::action_kind;
using model::object_kind;

// Without actions that are repeated by themselves.
std::vector<action> news(std::vector<action> plan) {
  std::erase_if(plan, [](const action &a) { return a.waits; });
  return plan;
}

// The plan of a reload at present.
std::vector<action> plan_reload(const catalog::store &store, state::shared &s,
                                const reload_options &options) {
  const std::vector<model::extension_change> found = changes(store, false);
  std::vector<action> plan = describe_changes(found, options.extension);
  if (!IsUnderPostmaster) return plan;  // single-user mode: registrations only
  std::vector<action> rest = plan_with(s, wanted_registrations(store), options);
  for (const model::extension_change &c : found)
    if (c.kind == model::change_kind::removed)
      std::erase_if(rest, [&](const action &a) { return a.extension == c.name; });
  plan.insert(plan.end(), rest.begin(), rest.end());
  return plan;
}

// The extension whose init a reload of it alone runs although nothing needs to be done for it: the
// init may depend on a setting that has changed. nullptr: none.
const model::extension *to_run_anew(state::shared &s, const model::registrations &wanted,
                                    const std::vector<action> &plan,
                                    const reload_options &options) {
  const model::extension *e =
      options.extension.empty() ? nullptr : wanted.find_extension(options.extension);
  if (e == nullptr || e->library.empty() || !IsUnderPostmaster || IsInParallelMode())
    return nullptr;
  const bool is_planned = std::any_of(
      plan.begin(), plan.end(), [](const action &a) { return a.kind == action_kind::provision; });
  if (is_planned) return nullptr;
  model::live_state live;
  {
    const state::reading lock(s);
    live.extensions = state::live_extensions(s, {{MyDatabaseId}});
  }
  overlay_notes(live);
  for (const model::live_extension &l : live.extensions)
    if (l.database == MyDatabaseId && l.name == e->name)
      return l.state == model::extension_state::provisioned ? e : nullptr;
  return nullptr;
}

// Returns the actions that follow with the commit.  An error of the init is the command's: running
// workers stay.
std::vector<action> run_anew(const catalog::store &store, state::shared &s,
                             const model::extension &e, const reload_options &options) {
  const bool was_touched = is_touched();
  const model::registrations before = store.read();
  provision_anew(store, e);
  if (!is_touched()) {
    state::publish_holds(s, transaction_holds());
    state::set_extension_state(s, MyDatabaseId, e.name, model::extension_state::provisioned);
  }
  const model::registrations after = store.read();
  if (was_touched || after == before) return {};
  // as others still see it: with the previous memory
  std::vector<action> plan = plan_as_if(s, after.wanted(s.root->boot), options, {});
  std::erase_if(plan, [](const action &a) { return a.kind == action_kind::provision; });
  const model::registration_index index(before);
  for (action &a : plan)
    if (a.kind == action_kind::allocate && index.find_allocation(a.name) != nullptr)
      a.kind = action_kind::replace;
  plan.insert(plan.begin(), {action_kind::provision, object_kind::extension, MyDatabaseId, e.name,
                             e.name, "registers other things"});
  return plan;
}

// Manifests written without their trigger.
std::vector<action> follow_untold(const catalog::store &store, const reload_options &options) {
  if (RecoveryInProgress() || (XactReadOnly && !options.dry_run)) return {};
  std::vector<action> result;
  for (const std::string &e : follow_untold_manifests(
           store, options.extension, options.dry_run ? looker::dry_run : looker::command))
    result.push_back(
        {action_kind::configure, object_kind::extension, MyDatabaseId, e, e, "its manifest"});
  return result;
}

std::vector<action> after(std::vector<action> first, const std::vector<action> &then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

// Publishes registrations without an immediate action: settings written without their trigger, for
// a global worker to which another database's settings apply.
void publish_silently(const catalog::store &store, state::shared &s,
                      const reload_options &options) {
  if (!IsUnderPostmaster || is_touched()) return;
  if (is_published(s, wanted_registrations(store), options)) return;
  const state::scoped_provisioning_lock lock(s, MyDatabaseId);
  (void)publish(s, wanted_registrations(store), options);
}

}  // namespace

std::vector<action> reload(const catalog::store &store, const reload_options &options) {
  state::shared &s = state::attach();
  const bool wrote_settings = pg::may_have_written(DbRoleSettingRelationId);
  if (!options.dry_run && !wrote_settings) learn_worker_limit(s);
  if (!options.dry_run) state::note_owner(s);
  if (!options.dry_run && !RecoveryInProgress() && !XactReadOnly) {
    if (!expects_trusted_rows(store)) judge_identities(store);
    follow_identities(store);
    judge_owners(store);
    store.let_go_of_roles(!is_touched());  // a waiting caller may hold a needed turn
  }
  std::vector<action> plan = plan_reload(store, s, options);
  const bool runs_anew = to_run_anew(s, wanted_registrations(store), plan, options) != nullptr;
  const std::vector<action> untold = follow_untold(store, options);
  // others learn of silent writes of this transaction with the commit
  const bool wrote_untold =
      !options.dry_run && !is_touched() && (wrote_settings || store.may_have_written());
  if (wrote_untold) touch(store);
  if (plan.empty() && !options.dry_run) publish_silently(store, s, options);
  if ((plan.empty() && !runs_anew) || options.dry_run) return after(untold, news(std::move(plan)));
  if (!RecoveryInProgress() && !XactReadOnly) expect_removals(store, false);
  // kept until the end of the transaction if this changes registrations
  state::scoped_provisioning_lock lock(s, MyDatabaseId);
  DYNPGEXT_FAULT_POINT("reload.locked");
  // another process may have done it meanwhile; this call's own changes follow with the commit
  if (untold.empty() && !wrote_untold) plan = plan_reload(store, s, options);
  std::set<std::string> failed;
  if (!RecoveryInProgress() && !XactReadOnly)
    for (std::string &e : follow_all(store, options.extension, options.retry_failed, false))
      failed.insert(std::move(e));
  if (!IsUnderPostmaster) return after(untold, plan);
  const model::registrations wanted = wanted_registrations(store);
  if (!is_touched()) failed.merge(publish(s, wanted, options));
  const std::vector<action> now = without(plan_with(s, wanted, options), failed);
  if (const model::extension *e = to_run_anew(s, wanted, plan, options)) {
    const std::vector<action> changed = run_anew(store, s, *e, options);
    if (!changed.empty()) plan.clear();  // included in these
    plan.insert(plan.end(), changed.begin(), changed.end());
  }
  execute(store, s, wanted, now, options);
  if (is_touched()) lock.keep();
  (void)state::ensure_launcher(s);
  return after(untold, news(std::move(plan)));
}

}  // namespace dynpgext::provisioning
