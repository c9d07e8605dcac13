// Validates the arguments of allocate_shmem and register_bgworker.  Every error names the extension
// and the object and, if the author can do something, gives a hint.
#pragma once

#include "model/registration.h"
#include "pg/border.h"

extern "C" {
#include "dynpgext.h"
}

namespace dynpgext::provisioning {

// The arguments as values, or an error.
[[nodiscard]] model::allocation check_allocation(const std::string &extension, const char *name,
                                                 size_t size, int flags);
// `library` is the extension's own, used if bgw_library_name is empty or a truncated copy of it.
// The function is looked up: a library without it is refused now.
[[nodiscard]] model::worker check_worker(const std::string &extension, const std::string &library,
                                         const BackgroundWorker *bgw, bool has_callback, int flags);
// Stores its supervision in `worker`; nullptr: the defaults.
void check_options(const dynpgext_bgworker_options *options, model::worker &worker);

}  // namespace dynpgext::provisioning
