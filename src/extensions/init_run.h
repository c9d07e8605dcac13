// One run of an extension's _Dynpgext_init: the handle it is given, and what it registers.
#pragma once

#include "extensions/participant.h"
#include "model/registration.h"

namespace dynpgext::provisioning {

struct collected {
  std::vector<model::allocation> allocations;
  std::vector<model::worker> workers;
};

// Runs init as `role`, with search_path pinned.  Memory that it registers is there, and held
// by this transaction, when it returns; callbacks of workers are remembered.  `others` are
// the registrations of the database: names of other extensions are refused.
// Whatever init raises is thrown.
enum class resized {
  refused,   // 42710: a name keeps its size
  replaced,  // made anew, in place of what the extension alone has; what was there drains
};
[[nodiscard]] collected run_init(const model::extension &extension, const entry_points &library,
                                 Oid role, const model::registrations &others, resized on_resize);

// Runs fini, if there is one; it may register nothing.
void run_fini(const model::extension &extension, const entry_points &library, Oid role);

// Is an init running, or the callback of one?
[[nodiscard]] bool in_session();

// Has the init that is running registered this memory?  Its rows are written when it has returned.
[[nodiscard]] bool has_registered(const std::string &name);

}  // namespace dynpgext::provisioning
