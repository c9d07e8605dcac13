// Background workers that a hosted library starts while it runs.
//
// Their processes begin in dynpgext's library, which hosts what the server would have preloaded,
// and then runs the function that was asked for.  What does not fit into bgw_extra waits in the
// library's window.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// As RegisterDynamicBackgroundWorker().
bool start_dynamic_worker(library &l, const BackgroundWorker &worker,
                          BackgroundWorkerHandle **handle);

}  // namespace dynpgext::hosting
