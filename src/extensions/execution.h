// What is to be done for the registrations of this database, as things stand; and its execution.
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

// Publishes the committed registrations if they are not what is published.  Returns the extensions
// whose registrations have no room: they have failed, and are as if they had none.  Of those that
// had none before, it tries what the options say, and those that may have some by now.
std::set<std::string> publish(state::shared &s, const model::registrations &wanted,
                              const reload_options &options);
// There is nothing to do for it.
[[nodiscard]] bool is_published(state::shared &s, const model::registrations &wanted,
                                const reload_options &options);
// The plan without these.
[[nodiscard]] std::vector<model::action> without(std::vector<model::action> plan,
                                                 const std::set<std::string> &extensions);

// As if nothing had been changed by this transaction.
[[nodiscard]] std::vector<model::action>
plan_as_if(state::shared &s, const model::registrations &wanted, const reload_options &options,
           std::span<const state::hold> own = transaction_holds());
[[nodiscard]] std::vector<model::action>
plan_with(state::shared &s, const model::registrations &wanted, const reload_options &options);
// What a reload would do if these were the registrations of this database.
[[nodiscard]] std::vector<model::action> plan_for(const model::registrations &all);

// Carries out a plan for committed registrations: first memory, then workers, for which what
// has been provisioned by then counts.
void execute(const catalog::store &store, state::shared &s, const model::registrations &wanted,
             const std::vector<model::action> &plan, const reload_options &options);

// Makes sure the callbacks of an extension's workers are known in this process.
void learn_callbacks(const catalog::store &store, const model::extension &extension);

}  // namespace dynpgext::provisioning
