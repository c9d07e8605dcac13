// What allocate_shmem and register_bgworker accept.  Every refusal names the extension and
// the object and, where the author can do something, says what.
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
// `library` is the extension's own, used where bgw_library_name is empty or a cut-off copy of
// it.  The function is looked up: a library that lacks it is refused now.
[[nodiscard]] model::worker check_worker(const std::string &extension, const std::string &library,
                                         const BackgroundWorker *bgw, bool has_callback, int flags);
// How it is to be supervised, into `worker`; nullptr: the defaults.
void check_options(const dynpgext_bgworker_options *options, model::worker &worker);

}  // namespace dynpgext::provisioning
