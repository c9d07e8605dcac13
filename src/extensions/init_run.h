// One run of an extension's _Dynpgext_init: its handle, and its registrations.
#pragma once

#include "extensions/participant.h"
#include "model/registration.h"

namespace dynpgext::provisioning {

struct collected {
  std::vector<model::allocation> allocations;
  std::vector<model::worker> workers;
};

// Runs init as `role`, with search_path pinned.  When it returns, its memory exists, held by this
// transaction, and callbacks of workers are stored. `others` are the registrations of the database:
// names of other extensions are refused.  Throws any error of init.
enum class resized {
  refused,   // 42710: a name keeps its size
  replaced,  // made anew, if only this extension has it; the old memory drains
};
[[nodiscard]] collected run_init(const model::extension &extension, const entry_points &library,
                                 Oid role, const model::registrations &others, resized on_resize);

// Runs fini, if any; it may register nothing.
void run_fini(const model::extension &extension, const entry_points &library, Oid role);

// Is an init or one of its callbacks running?
[[nodiscard]] bool in_session();

// Has the running init registered this memory?  Its rows are written after it has returned.
[[nodiscard]] bool has_registered(const std::string &name);

}  // namespace dynpgext::provisioning
