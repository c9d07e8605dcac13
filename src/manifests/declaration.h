// Registrations declared in SQL: made, changed and withdrawn within the current transaction.
#pragma once

#include "catalog/store.h"
#include "extensions/declared_by.h"
#include "extensions/init_run.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// Makes the declarations of the extension equal to the manifest, ignoring its settings.  The caller
// has locked the extension, and the manifest has no faults.  When it returns, the memory exists,
// and lookups in this transaction find it; the rest follows with the commit.
void declare(const catalog::store &store, const model::extension_manifest &wanted, declared_by who);

// Frees names of memory that the extension no longer declares: call it for all extensions of a
// document before any is declared.
void take_back(const catalog::store &store, const model::extension_manifest &wanted);

// The rows of a manifest.
struct declared_values {
  collected rows;
  std::vector<model::command> commands;
  std::vector<model::content> contents;
};

[[nodiscard]] declared_values values_of(const model::extension_manifest &m);

// Is it already declared like this?
[[nodiscard]] bool is_declared(const catalog::store &store, const model::registrations &all,
                               const model::extension_manifest &m);

// The turns of configure_worker() and apply(), on the settings of an extension's workers
// (pg/lock.h).
void take_turn_to_configure(const std::string &extension);

}  // namespace dynpgext::provisioning
