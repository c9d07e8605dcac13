// What SQL has declared for an extension (register(), apply()): its rows are what it registers, as
// those of an init are what its library registers.
#pragma once

#include "catalog/store.h"
#include "extensions/init_run.h"

namespace dynpgext::provisioning {

// The rows of an extension that its library has registered, or SQL, or both.
enum class registrar : uint8 { library, sql, both };
[[nodiscard]] collected rows_of(const model::registrations &all, const std::string &extension,
                                registrar who = registrar::both);

// Makes sure that there is memory for them, held by this transaction, and adds them to what an init
// of the extension has registered; a name that both have is an error.
void add_declared(const catalog::store &store, const model::extension &extension,
                  const collected &declared, collected &into);

}  // namespace dynpgext::provisioning
