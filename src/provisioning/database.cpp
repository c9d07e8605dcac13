#include "provisioning/database.h"

#include "pg/database_setting.h"
#include "pg/fault.h"
#include "pg/library.h"
#include "pg/role_hold.h"
#include "pg/settings.h"
#include "pg/termination.h"
#include "pg/transaction.h"
#include "provisioning/declaration.h"
#include "provisioning/extension.h"
#include "provisioning/identity.h"
#include "provisioning/participant.h"
#include "provisioning/restore.h"
#include "provisioning/session.h"
#include "provisioning/transaction.h"
#include "state/databases.h"
#include "state/extension_code.h"
#include "state/last_words.h"
#include "state/launch.h"
#include "state/provisioning_lock.h"

namespace dynpgext::provisioning {
namespace {

using model::action;
using model::action_kind;
using model::object_kind;

bool has_row(const catalog::store &store, const std::string &extension) {
  const std::vector<model::extension> rows = store.read_extensions();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const model::extension &e) { return e.name == extension; });
}

void follow(const catalog::store &store, const model::extension_change &change) {
  switch (change.kind) {
    case model::change_kind::added:
      // a prepared transaction may have ended since
      if (!has_row(store, change.name)) (void)add(store, change.name, change.version);
      break;
    case model::change_kind::updated: update(store, change.name, change.version); break;
    case model::change_kind::removed: remove(store, change.name); break;
  }
}

std::vector<model::extension_change> changes(const catalog::store &store, bool only_changed) {
  // The rows first: what others commit in between is taken for something that is to come, which is
  // looked at again, and not for something that has gone.
  const std::vector<model::extension> rows = store.read_extensions();
  return model::compare_installed(catalog::installed_extensions(), rows, only_changed);
}

// Tables are locked before the provisioning lock.
void expect_removals(const catalog::store &store, bool only_changed) {
  for (const model::extension_change &change : changes(store, only_changed))
    if (change.kind != model::change_kind::added) return store.expect_erase();
}

state::failure_cause cause_of_failure(const std::string &library) {
  return {pg::identify_file(pg::library_file(library).c_str()),
          pg::settings::provisioning_digest()};
}

// Leaves a trace of an extension whose init fails when nobody is there to be told.
void record_failure(const model::extension &e, const pg::failure &why) {
  const state::failure_cause cause = cause_of_failure(e.library);
  state::set_extension_state(state::attach(), MyDatabaseId, e.name, model::extension_state::failed,
                             why.message, &cause);
  note_extension(e.name, model::extension_state::failed, why.message);
  pg::log(WARNING, "extension \"" + e.name + "\" cannot be provisioned: " + why.message,
          "It is tried again by dynpgext.reload(), when the file of its library changes, and when "
          "dynpgext.memory_limit, dynpgext.provisioning_timeout or dynpgext.allowed_extensions "
          "does.");
}

// An installed extension that cannot be added keeps a row, so that the views show why.
void add_failed(const catalog::store &store, const model::extension_change &change,
                const pg::failure &why) {
  if (change.kind == model::change_kind::removed) {  // its fini has raised: it goes all the same
    pg::log(WARNING, "extension \"" + change.name + "\": " + why.message);
    touch(store);
    store.erase(change.name);
    return;
  }
  model::extension e;
  e.name = change.name;
  e.version = change.version;
  e.library = participating_library(change.name, change.version);
  touch(store);
  (void)store.write(e, {}, {});
  record_failure(e, why);
}

bool is_published(const state::shared &s, const model::registrations &wanted) {
  const state::reading lock(s);
  for (const model::desired_database &d : state::desired(s))
    if (d.database == MyDatabaseId && d.registrations == wanted) return true;
  return false;
}

// Publishes the committed registrations if they are not what is published.
void publish(state::shared &s, const model::registrations &wanted) {
  if (is_published(s, wanted)) return;
  state::publication publication(s, MyDatabaseId, wanted, true);
  {
    const state::exclusive lock(s);
    publication.publish();
    state::settle_allocations(s, MyDatabaseId, state::desired(s));
    state::settle_workers(s, state::desired(s));
    DYNPGEXT_FAULT_POINT("publish.settled");
  }
  state::keep_extension_states(s, MyDatabaseId, wanted);
}

bool is_selected(const action &a, const reload_options &options) {
  return options.extension.empty() || a.extension == options.extension;
}

std::vector<action> select(std::vector<action> plan, const reload_options &options) {
  std::erase_if(plan, [&](const action &a) { return !is_selected(a, options); });
  return plan;
}

model::circumstances circumstances(const reload_options &options) {
  model::circumstances now = state::circumstances(options.retry_failed);
  now.replace_stale = options.retry_failed;
  return now;
}

// As if nothing had been changed by this transaction.
std::vector<action> plan_as_if(state::shared &s, const model::registrations &wanted,
                               const reload_options &options,
                               std::span<const state::hold> own = transaction_holds()) {
  model::live_state live;
  state::desired_databases desired;
  {
    const state::reading lock(s);
    live = state::live(s, own);
    desired = state::desired_with(s, {MyDatabaseId, wanted});
  }
  overlay_notes(live);
  if (options.retry_failed) state::mark_stale(s, MyDatabaseId, live.workers);
  return select(model::reconcile(MyDatabaseId, desired, live, circumstances(options)), options);
}

std::vector<action> plan_with(state::shared &s, const model::registrations &wanted,
                              const reload_options &options) {
  std::vector<action> plan = plan_as_if(s, wanted, options);
  // what this transaction has changed itself follows with its commit
  if (is_touched())
    std::erase_if(plan, [](const action &a) {
      return a.kind != action_kind::provision && a.kind != action_kind::allocate;
    });
  return plan;
}

// Extensions that were installed or dropped behind our back (with event triggers off).
std::vector<action> describe(const std::vector<model::extension_change> &found,
                             const reload_options &options) {
  std::vector<action> result;
  for (const model::extension_change &c : found) {
    if (!options.extension.empty() && c.name != options.extension) continue;
    const bool added = c.kind == model::change_kind::added;
    const bool removed = c.kind == model::change_kind::removed;
    if (added && participating_library(c.name, c.version).empty()) continue;
    const char *detail = removed ? "no longer installed, version "
                         : added ? "adopted, version "
                                 : "updated to version ";
    result.push_back({removed ? action_kind::drain : action_kind::provision, object_kind::extension,
                      MyDatabaseId, c.name, c.name, detail + c.version});
  }
  return result;
}

void provision_one(const catalog::store &store, state::shared &s, const model::extension &e) {
  if (IsInParallelMode()) {
    provision(store, e);
  } else if (const auto why = pg::attempt([&] { provision(store, e); })) {
    record_failure(e, *why);
    return;
  }
  if (is_touched()) return;
  DYNPGEXT_FAULT_POINT("provision.run");
  state::publish_holds(s, transaction_holds());
  DYNPGEXT_FAULT_POINT("provision.published");
  state::set_extension_state(s, MyDatabaseId, e.name, model::extension_state::provisioned);
}

// Carries out a plan for committed registrations: first memory, then workers, for which what
// has been provisioned by then counts.
void execute(const catalog::store &store, state::shared &s, const model::registrations &wanted,
             const std::vector<action> &plan, const reload_options &options) {
  for (const action &a : plan)
    if (a.kind == action_kind::provision)
      if (const model::extension *e = wanted.find_extension(a.extension))
        provision_one(store, s, *e);
  model::circumstances now = circumstances(options);
  now.workers_only = true;  // what could not be provisioned is not tried again
  state::decision rest = state::decide(s, MyDatabaseId, now);
  rest.actions = select(std::move(rest.actions), options);
  for (const action &a : rest.actions) {
    const model::worker *w = wanted.find_worker(a.extension, a.name);
    const bool starts = a.kind == action_kind::start || a.kind == action_kind::replace;
    if (a.object != object_kind::worker || !starts || w == nullptr) continue;
    if (!state::can_launch({a.home, a.extension, a.name}, *w))
      learn_callbacks(store, *wanted.find_extension(a.extension));
  }
  if (is_touched()) {  // the rest follows with the commit
    if (options.retry_failed) note_retry(options.extension);
    return;
  }
  (void)state::carry_out(s, rest);
}

// The code that following this change would run has ended the process that ran it before: why, or
// nothing.  A visit that tried again would end, too, and never get to the others.
std::optional<std::string> is_fatal(const catalog::store &store,
                                    const model::extension_change &change) {
  std::string library;
  if (change.kind == model::change_kind::removed) {
    for (const model::extension &e : store.read_extensions())
      if (e.name == change.name) library = e.library;
  } else {
    library = participating_library(change.name, change.version);
  }
  return state::fatal_failure(state::attach(), MyDatabaseId, change.name,
                              cause_of_failure(library));
}

// Follows what has changed behind our back.  Returns the extensions that could not be.
std::vector<std::string> follow_all(const catalog::store &store, const reload_options &options,
                                    bool only_changed) {
  std::vector<std::string> failed;
  for (const model::extension_change &change : changes(store, only_changed)) {
    if (!options.extension.empty() && change.name != options.extension) continue;
    std::optional<pg::failure> why;
    if (!options.retry_failed)
      if (const auto reason = is_fatal(store, change)) why = {0, *reason};
    if (!why) why = pg::attempt([&] { follow(store, change); });
    if (!why) continue;
    add_failed(store, change, *why);
    failed.push_back(change.name);
  }
  return failed;
}

// Without what is tried again and again by itself.
std::vector<action> news(std::vector<action> plan) {
  std::erase_if(plan, [](const action &a) { return a.waits; });
  return plan;
}

// What a reload is to do as things stand.
std::vector<action> plan_reload(const catalog::store &store, state::shared &s,
                                const reload_options &options) {
  const std::vector<model::extension_change> found = changes(store, false);
  std::vector<action> plan = describe(found, options);
  if (!IsUnderPostmaster) return plan;  // single-user mode: registrations only
  std::vector<action> rest = plan_with(s, store.read().wanted(s.root->boot), options);
  for (const model::extension_change &c : found)
    if (c.kind == model::change_kind::removed)
      std::erase_if(rest, [&](const action &a) { return a.extension == c.name; });
  plan.insert(plan.end(), rest.begin(), rest.end());
  return plan;
}

// The extension whose init a reload of it alone runs although nothing is to be done for it: what
// the init goes by, a setting for instance, may have changed.  nullptr: none.
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
    live.extensions = state::extension_states(s);
  }
  overlay_notes(live);
  for (const model::live_extension &l : live.extensions)
    if (l.database == MyDatabaseId && l.name == e->name)
      return l.state == model::extension_state::provisioned ? e : nullptr;
  return nullptr;
}

// Returns what follows with the commit.  An error of the init is the command's: what runs stays.
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
  // as others see it still: with the memory that was there before
  std::vector<action> plan = plan_as_if(s, after.wanted(s.root->boot), options, {});
  std::erase_if(plan, [](const action &a) { return a.kind == action_kind::provision; });
  for (action &a : plan)
    if (a.kind == action_kind::allocate && before.find_allocation(a.name) != nullptr)
      a.kind = action_kind::replace;
  plan.insert(plan.begin(), {action_kind::provision, object_kind::extension, MyDatabaseId, e.name,
                             e.name, "registers other things"});
  return plan;
}

// Manifests that were written without their trigger.
std::vector<action> follow_untold(const catalog::store &store, const reload_options &options) {
  if (RecoveryInProgress() || (XactReadOnly && !options.dry_run)) return {};
  std::vector<action> result;
  for (const std::string &e : follow_untold_manifests(store, options.extension, options.dry_run))
    result.push_back(
        {action_kind::configure, object_kind::extension, MyDatabaseId, e, e, "its manifest"});
  return result;
}

std::vector<action> after(std::vector<action> first, const std::vector<action> &then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

// In a visit: what was written while triggers were off, or by pg_upgrade.  What fails, in code of
// others that ALTER TABLE fires perhaps, does not keep the extensions from being provisioned.
void follow_untold_rows(const catalog::store &store, const state::comparison &comparison) {
  (void)pg::tolerate("enabling the triggers of dynpgext's tables",
                     [&] { (void)mend_triggers(store); });
  (void)pg::tolerate("following whom SQL workers run as", [&] {
    if (comparison.first) pg::mend_role_holds(store.dynpgext());
    follow_identities(store);
  });
  (void)pg::tolerate("following manifests",
                     [&] { (void)follow_untold_manifests(store, {}, false); });
}

// What nothing follows of at once: settings that were written without their trigger, of a global
// worker that another database's count for.
void publish_silently(const catalog::store &store, state::shared &s) {
  if (!IsUnderPostmaster || is_touched()) return;
  if (is_published(s, store.read().wanted(s.root->boot))) return;
  const state::scoped_provisioning_lock lock(s, MyDatabaseId);
  publish(s, store.read().wanted(s.root->boot));
}

}  // namespace

void capture(const catalog::store &store, bool only_changed) {
  if (only_changed) {
    for (const model::extension_change &change : changes(store, true)) follow(store, change);
  } else {
    (void)follow_all(store, {}, false);
  }
}

std::vector<action> reload(const catalog::store &store, const reload_options &options) {
  state::shared &s = state::attach();
  const int64 boot = s.root->boot;
  if (!options.dry_run) learn_worker_limit(s);
  if (!options.dry_run && !RecoveryInProgress() && !XactReadOnly) follow_identities(store);
  std::vector<action> plan = plan_reload(store, s, options);
  const bool runs_anew = to_run_anew(s, store.read().wanted(boot), plan, options) != nullptr;
  const std::vector<action> untold = follow_untold(store, options);
  if (plan.empty() && !options.dry_run) publish_silently(store, s);
  if ((plan.empty() && !runs_anew) || options.dry_run) return after(untold, news(std::move(plan)));
  if (!RecoveryInProgress() && !XactReadOnly) expect_removals(store, false);
  // kept until the end of the transaction if this changes registrations
  state::scoped_provisioning_lock lock(s, MyDatabaseId);
  DYNPGEXT_FAULT_POINT("reload.locked");
  // somebody else may have done it meanwhile; what this does itself follows with the commit
  if (untold.empty()) plan = plan_reload(store, s, options);
  std::vector<std::string> failed;
  if (!RecoveryInProgress() && !XactReadOnly) failed = follow_all(store, options, false);
  if (!IsUnderPostmaster) return after(untold, plan);
  const model::registrations wanted = store.read().wanted(boot);
  if (!is_touched()) publish(s, wanted);
  std::vector<action> now = plan_with(s, wanted, options);
  std::erase_if(now, [&](const action &a) {
    return std::find(failed.begin(), failed.end(), a.extension) != failed.end();
  });
  if (const model::extension *e = to_run_anew(s, wanted, plan, options)) {
    const std::vector<action> changed = run_anew(store, s, *e, options);
    if (!changed.empty()) plan.clear();  // it is among these
    plan.insert(plan.end(), changed.begin(), changed.end());
  }
  execute(store, s, wanted, now, options);
  if (is_touched()) lock.keep();
  (void)state::ensure_launcher(s);
  return after(untold, news(std::move(plan)));
}

std::vector<action> plan_for(const model::registrations &all) {
  state::shared &s = state::attach();
  reload_options options;
  options.retry_failed = false;
  return plan_as_if(s, all.wanted(s.root->boot), options);
}

void provision_database(const catalog::store &store, const state::comparison &comparison) {
  state::shared &s = state::attach();
  reload_options options;
  options.retry_failed = false;
  // the tables first, then the lock: the order in which a commit takes them
  (void)store.read();
  learn_worker_limit(s);
  if (!RecoveryInProgress()) follow_untold_rows(store, comparison);
  if (!RecoveryInProgress()) expect_removals(store, false);
  state::scoped_provisioning_lock lock(s, MyDatabaseId);
  // A transaction that was prepared before dynpgext came, or while it came in another one that was
  // prepared, ends later than this.
  if (!RecoveryInProgress() && comparison.first)
    state::watch_older(s, MyDatabaseId, pg::running_transactions());
  if (!RecoveryInProgress()) (void)follow_all(store, options, !comparison.due);
  const model::registrations wanted = store.read().wanted(s.root->boot);
  if (comparison.first && !RecoveryInProgress()) report_interrupted_restore(wanted);
  if (!is_touched()) publish(s, wanted);
  execute(store, s, wanted, plan_with(s, wanted, options), options);
  if (is_touched()) lock.keep();
}

void note_end_in_code() {
  const state::extension_code *code = state::code_under_way();
  if (code == nullptr || code->library().empty()) return;
  if (pg::was_told_to_end() && !code->is_late()) return;
  std::string why = "its code has ended the process that provisioned it";
  const std::string words = state::last_words(1).str();
  if (code->is_late())
    why = code->lateness() + ", and does not serve interrupts";
  else if (!words.empty())
    why += ": " + words;
  state::failure_cause cause = cause_of_failure(code->library());
  cause.ended_process = true;
  state::set_extension_state(state::attach(), MyDatabaseId, code->extension(),
                             model::extension_state::failed, why, &cause);
  pg::log(WARNING, "extension \"" + code->extension() + "\" cannot be provisioned: " + why);
}

void forget_current_database() {
  state::shared &s = state::attach();
  const state::scoped_provisioning_lock lock(s, MyDatabaseId);
  if (catalog::store::open()) return;  // somebody has just installed it
  state::publication nothing(s, MyDatabaseId, {}, false);
  {
    const state::exclusive guard(s);
    nothing.publish();
    state::settle_allocations(s, MyDatabaseId, state::desired(s));
    state::settle_workers(s, state::desired(s));
  }
  state::keep_extension_states(s, MyDatabaseId, {});
  (void)state::carry_out(s, state::decide_workers(s, MyDatabaseId));
}

bool provision_name(const std::string &name) {
  if (!IsTransactionState() || !OidIsValid(MyDatabaseId) || in_session() || is_touched())
    return false;
  state::shared &s = state::attach();
  if (state::is_provisioned(s, MyDatabaseId)) return false;
  const std::optional<catalog::store> store = catalog::store::open();
  if (!store) return false;
  const model::registrations before = store->read().wanted(s.root->boot);
  if (before.find_allocation(name) == nullptr) return false;
  const state::scoped_provisioning_lock lock(s, MyDatabaseId);
  const model::registrations wanted = store->read().wanted(s.root->boot);
  const model::allocation *a = wanted.find_allocation(name);
  if (a == nullptr) return false;
  publish(s, wanted);
  reload_options options;
  options.extension = a->extension;
  options.retry_failed = false;
  for (const action &planned : plan_with(s, wanted, options)) {
    if (planned.kind != action_kind::provision) continue;
    provision(*store, *wanted.find_extension(a->extension));
    state::publish_holds(s, transaction_holds());
    state::set_extension_state(s, MyDatabaseId, a->extension, model::extension_state::provisioned);
  }
  return true;
}

bool is_name_registered(const std::string &name) {
  const std::optional<catalog::store> store = catalog::store::open();
  return store && store->read().wanted(state::attach().root->boot).find_allocation(name) != nullptr;
}

void learn_worker_limit(state::shared &s) {
  state::set_worker_limit(s, MyDatabaseId,
                          pg::database_setting(pg::settings::max_database_workers_name));
}

void learn_callbacks(const catalog::store &store, const model::extension &extension) {
  if (const auto why = pg::attempt([&] { provision(store, extension); }))
    record_failure(extension, *why);
}

}  // namespace dynpgext::provisioning
