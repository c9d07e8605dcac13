#include "extensions/execution.h"

#include "extensions/extension.h"
#include "extensions/failure.h"
#include "extensions/publishable.h"
#include "model/registration_index.h"
#include "pg/fault.h"
#include "pg/transaction.h"
#include "shared/databases.h"
#include "shared/extension_states.h"
#include "shared/provisioning_lock.h"
#include "shared/publication.h"
#include "workers/decision.h"
#include "workers/launch.h"

namespace dynpgext::provisioning {
namespace {

using model::action;
using model::action_kind;
using model::object_kind;

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

// Extensions that do not fit and have no reason to be tried again.
std::set<std::string> not_tried(state::shared &s, const reload_options &options) {
  std::set<std::string> names = still_without_room(s);
  if (options.retry_failed)
    std::erase_if(names, [&](const std::string &name) {
      return options.extension.empty() || options.extension == name;
    });
  return names;
}

bool is_published_without(const state::shared &s, const model::registrations &wanted,
                          const std::set<std::string> &left_out) {
  std::optional<model::registrations> rest;
  if (!left_out.empty()) rest = wanted.without_objects_of(left_out);
  const state::reading lock(s);
  const auto published = state::registrations_of(s, MyDatabaseId);
  return published != nullptr && *published == (rest ? *rest : wanted);
}

}  // namespace

std::set<std::string> publish(state::shared &s, const model::registrations &wanted,
                              const reload_options &options) {
  std::set<std::string> left_out = not_tried(s, options);
  if (is_published_without(s, wanted, left_out)) return left_out;
  const publishable found = what_fits(s, wanted, over_limit::leave_out, left_out);
  {
    const state::exclusive lock(s);
    found.publication->publish();
    state::settle(s, *found.publication);
    DYNPGEXT_FAULT_POINT("publish.settled");
  }
  state::keep_extension_states(s, MyDatabaseId, wanted);
  record_left_out(found.left_out);
  for (const auto &l : found.left_out) left_out.insert(l.extension.name);
  return left_out;
}

bool is_published(state::shared &s, const model::registrations &wanted,
                  const reload_options &options) {
  return is_published_without(s, wanted, not_tried(s, options));
}

std::vector<action> without(std::vector<action> plan, const std::set<std::string> &extensions) {
  std::erase_if(plan, [&](const action &a) { return extensions.count(a.extension) != 0; });
  return plan;
}

std::vector<action> plan_as_if(state::shared &s, const model::registrations &wanted,
                               const reload_options &options, std::span<const state::hold> own) {
  state::picture seen = state::look(s, {.database = MyDatabaseId, .instead = &wanted, .own = own});
  overlay_notes(seen.live);
  if (options.retry_failed) state::mark_stale(s, MyDatabaseId, seen.live.workers);
  return select(model::reconcile(MyDatabaseId, seen.desired, seen.live, circumstances(options)),
                options);
}

std::vector<action> plan_with(state::shared &s, const model::registrations &wanted,
                              const reload_options &options) {
  std::vector<action> plan = plan_as_if(s, wanted, options);
  // changes of this transaction follow with its commit
  if (is_touched())
    std::erase_if(plan, [](const action &a) {
      return a.kind != action_kind::provision && a.kind != action_kind::allocate;
    });
  return plan;
}

void execute(const catalog::store &store, state::shared &s, const model::registrations &wanted,
             const std::vector<action> &plan, const reload_options &options) {
  for (const action &a : plan)
    if (a.kind == action_kind::provision)
      if (const model::extension *e = wanted.find_extension(a.extension))
        provision_one(store, s, *e);
  model::circumstances now = circumstances(options);
  now.workers_only = true;  // failed provisioning is not tried again
  state::decision rest = state::decide(s, MyDatabaseId, now);
  rest.actions = select(std::move(rest.actions), options);
  const model::registration_index index(wanted);
  for (const action &a : rest.actions) {
    const model::worker *w = index.find_worker(a.extension, a.name);
    const bool starts = a.kind == action_kind::start || a.kind == action_kind::replace;
    if (a.object != object_kind::worker || !starts || w == nullptr) continue;
    if (!state::can_launch({a.home, a.extension, a.name}, *w))
      learn_callbacks(store, *index.find_extension(a.extension));
  }
  if (is_touched()) {  // the rest follows with the commit
    if (options.retry_failed) note_retry(options.extension);
    return;
  }
  (void)state::carry_out(s, rest);
}

std::vector<action> plan_for(const model::registrations &all) {
  state::shared &s = state::attach();
  reload_options options;
  options.retry_failed = false;
  return plan_as_if(s, all.wanted(s.root->boot), options);
}

void learn_callbacks(const catalog::store &store, const model::extension &extension) {
  state::scoped_provisioning_lock lock(state::attach(), MyDatabaseId);
  if (const auto why = pg::attempt([&] { provision(store, extension); }))
    record_failure(extension, *why);
  if (is_touched()) lock.keep();
}

}  // namespace dynpgext::provisioning
