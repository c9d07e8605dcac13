// Background workers that a hosted library starts at run time.
//
// Their processes begin in dynpgext's library, which hosts the libraries that the server would have
// preloaded, and then runs the requested function.  Data that does not fit into bgw_extra is passed
// in the library's window.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// Like RegisterDynamicBackgroundWorker().
bool start_dynamic_worker(library &l, const BackgroundWorker &worker,
                          BackgroundWorkerHandle **handle);

}  // namespace dynpgext::hosting
