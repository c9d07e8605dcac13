// Declarations of an extension in SQL (register(), apply()): they have rows like the registrations
// of a library's init.
#pragma once

#include "catalog/store.h"
#include "extensions/init_run.h"

namespace dynpgext::provisioning {

// The rows of an extension registered by its library, in SQL, or both.
enum class registrar : uint8 { library, sql, both };
[[nodiscard]] collected rows_of(const model::registrations &all, const std::string &extension,
                                registrar who = registrar::both);

// Ensures memory for them, held by this transaction, and adds them to the registrations of an init
// of the extension; a name in both is an error.
void add_declared(const catalog::store &store, const model::extension &extension,
                  const collected &declared, collected &into);

}  // namespace dynpgext::provisioning
