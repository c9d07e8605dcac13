// Manifests as the server has them: text in, values out, and the other way round.
#pragma once

#include <string>

#include "catalog/store.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// JSON in the encoding of the database to values in it, and the faults of its form.  22023 for what
// is no JSON; 54000 for one above dynpgext.manifest_limit, unless it was `accepted` before.
// `extension`: whose it is, where it need not say.
[[nodiscard]] model::manifest_result
parse_manifest(const std::string &text, const std::string &extension, bool accepted = false);

// Values to JSON in the encoding of the database.
[[nodiscard]] std::string manifest_text(const model::manifest &m);

// What is registered and set in this database for one extension, or (empty) for all.
[[nodiscard]] model::manifest describe(const catalog::store &store, const std::string &extension);

// What is declared for an extension, without settings and what its library registers.
[[nodiscard]] model::extension_manifest describe_declared(const catalog::store &store,
                                                          const model::registrations &all,
                                                          const std::string &extension);

// 22023 with all faults in the DETAIL; nothing where there are none.
void refuse_faulty(const std::vector<model::json::fault> &faults);

}  // namespace dynpgext::provisioning
