// Registrations that SQL declares: made, changed and taken back within the transaction under way.
#pragma once

#include "catalog/store.h"
#include "extensions/declared_by.h"
#include "extensions/init_run.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// Makes what is declared for the extension equal to the manifest, whose settings do not count.  The
// caller has locked the extension, and its faults have been found before.  Memory is there, and
// lookups in this transaction find it, when it returns; the rest follows with the commit.
void declare(const catalog::store &store, const model::extension_manifest &wanted, declared_by who);

// Names of memory that the extension does not declare any more are free for others: to be called
// for all extensions of a document before any is declared.
void take_back(const catalog::store &store, const model::extension_manifest &wanted);

// The rows that a manifest stands for.
struct declared_values {
  collected rows;
  std::vector<model::command> commands;
  std::vector<model::content> contents;
};

[[nodiscard]] declared_values values_of(const model::extension_manifest &m);

// Is it what is declared already?
[[nodiscard]] bool is_declared(const catalog::store &store, const model::registrations &all,
                               const model::extension_manifest &m);

// The turns of one who calls configure_worker() or apply(), on the settings of an extension's
// workers (pg/lock.h).
void take_turn_to_configure(const std::string &extension);

// 42704 where it is not installed.
[[nodiscard]] std::string installed_version(const std::string &name);

}  // namespace dynpgext::provisioning
