#include "extensions/declared.h"

#include "extensions/ledger.h"
#include "memory/allocations.h"
#include "memory/claims.h"

namespace dynpgext::provisioning {
namespace {

// Its library now registers what SQL declared before.
[[noreturn]] void refuse_twice(const std::string &extension, const std::string &what) {
  throw pg::error(ERRCODE_DUPLICATE_OBJECT,
                  "extension \"" + extension + "\" registers " + what + " twice",
                  "Its library registers it, and dynpgext.register() or apply() has declared it.",
                  "Call dynpgext.register() with a manifest without it.");
}

void hold_memory(const model::allocation &a, const model::extension &extension,
                 const std::vector<model::content> &contents) {
  const state::allocation_request request{a, extension, MyDatabaseId};
  hold_for_transaction(state::hold_instance(state::attach(), request, [&](void *memory) {
    for (const model::content &c : contents)
      if (c.allocation == a.name)
        std::memcpy(memory, c.bytes.data(), std::min<size_t>(c.bytes.size(), a.size));
  }));
}

}  // namespace

collected rows_of(const model::registrations &all, const std::string &extension, registrar who) {
  const auto is_one = [&](const auto &row) {
    return row.extension == extension &&
           (who == registrar::both || row.declared == (who == registrar::sql));
  };
  collected found;
  std::copy_if(all.allocations.begin(), all.allocations.end(),
               std::back_inserter(found.allocations), is_one);
  std::copy_if(all.workers.begin(), all.workers.end(), std::back_inserter(found.workers), is_one);
  return found;
}

void add_declared(const catalog::store &store, const model::extension &extension,
                  const collected &declared, collected &into) {
  std::vector<model::content> contents;
  if (!declared.allocations.empty()) contents = store.read_contents(extension.name);
  for (const model::allocation &a : declared.allocations) {
    for (const model::allocation &known : into.allocations)
      if (known.name == a.name) refuse_twice(extension.name, "shared memory \"" + a.name + "\"");
    hold_memory(a, extension, contents);
  }
  for (const model::worker &w : declared.workers)
    for (const model::worker &known : into.workers)
      if (known.name == w.name)
        refuse_twice(extension.name, "background worker \"" + w.name + "\"");
  into.allocations.insert(into.allocations.end(), declared.allocations.begin(),
                          declared.allocations.end());
  into.workers.insert(into.workers.end(), declared.workers.begin(), declared.workers.end());
}

}  // namespace dynpgext::provisioning
