// What a manifest may not say in this database, and by this role: that can only be found here.
#pragma once

#include "catalog/store.h"
#include "extensions/declared_by.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// All faults, each with its place: those of the form, and what is wrong of the items that have
// none; `all` are the registrations as they are.  Commands that are as they are `known` stay whose
// they are.  Libraries are loaded to look for functions, but
// only for a superuser.
[[nodiscard]] std::vector<model::json::fault>
check_manifest(const model::manifest_result &read, const model::registrations &all, declared_by who,
               const std::vector<model::command> &known);

// Settings of global workers that a document of others than superusers would take back by not
// naming them.
[[nodiscard]] std::vector<model::json::fault>
check_settings_left_out(const model::manifest &m, const model::registrations &all);

// What a document says beyond what it registers: for apply() alone.
[[nodiscard]] std::vector<model::json::fault> beyond_registrations(const model::manifest &m);

// Of one that takes its place together with others, which may leave names to it.
[[nodiscard]] std::vector<model::json::fault>
check_with_others(const model::extension_manifest &e,
                  const std::vector<model::extension_manifest> &others,
                  const model::registrations &all);

}  // namespace dynpgext::provisioning
