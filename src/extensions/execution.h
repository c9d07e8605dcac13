// Decides what to do for the registrations of this database at present, and executes it.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "catalog/store.h"
#include "extensions/ledger.h"
#include "model/reconcile.h"

namespace dynpgext::provisioning {

struct reload_options {
  std::string extension;  // empty: all
  bool dry_run = false;
  bool retry_failed = true;
};

// Publishes the committed registrations if they differ from the published ones.  Returns the
// extensions whose registrations do not fit: they have failed, and are treated as having none.  Of
// extensions that did not fit before, tries those in the options, and those that may fit now.
std::set<std::string> publish(state::shared &s, const model::registrations &wanted,
                              const reload_options &options);
// Nothing needs to be done for it.
[[nodiscard]] bool is_published(state::shared &s, const model::registrations &wanted,
                                const reload_options &options);
// The plan without these.
[[nodiscard]] std::vector<model::action> without(std::vector<model::action> plan,
                                                 const std::set<std::string> &extensions);

// As if this transaction had changed nothing.
[[nodiscard]] std::vector<model::action>
plan_as_if(state::shared &s, const model::registrations &wanted, const reload_options &options,
           std::span<const state::hold> own = transaction_holds());
[[nodiscard]] std::vector<model::action>
plan_with(state::shared &s, const model::registrations &wanted, const reload_options &options);
// The actions of a reload if these were the registrations of this database.
[[nodiscard]] std::vector<model::action> plan_for(const model::registrations &all);

// Executes a plan for committed registrations: first memory, then workers, based on what has been
// provisioned by then.
void execute(const catalog::store &store, state::shared &s, const model::registrations &wanted,
             const std::vector<model::action> &plan, const reload_options &options);

// Ensures that the callbacks of an extension's workers are known in this process.
void learn_callbacks(const catalog::store &store, const model::extension &extension);

}  // namespace dynpgext::provisioning
