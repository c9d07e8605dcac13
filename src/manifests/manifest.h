// Manifests in the server: text in, values out, and back.
#pragma once

#include <string>

#include "catalog/store.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// JSON in the encoding of the database to values in that encoding, and the faults of its form.
// 22023 for invalid JSON; 54000 above dynpgext.manifest_limit, unless it was `accepted` before.
// `extension`: the default, if the manifest need not name one.
[[nodiscard]] model::manifest_result
parse_manifest(const std::string &text, const std::string &extension, bool accepted = false);

// Values to JSON in the encoding of the database.
[[nodiscard]] std::string manifest_text(const model::manifest &m);

// The registrations and settings in this database of one extension, or (empty) of all.
[[nodiscard]] model::manifest describe(const catalog::store &store, const std::string &extension);

// The declarations of an extension, without settings and the library's registrations.
[[nodiscard]] model::extension_manifest describe_declared(const catalog::store &store,
                                                          const model::registrations &all,
                                                          const std::string &extension);

// 22023 with all faults in the DETAIL; no effect if there are none.
void refuse_faulty(const std::vector<model::json::fault> &faults);

}  // namespace dynpgext::provisioning
