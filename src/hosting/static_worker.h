// Background workers that a hosted library registers in its _PG_init.  They are registered with
// dynpgext, under the library's name, and started and supervised like all others.
#pragma once

#include "catalog/hosted.h"
#include "shared/root.h"

namespace dynpgext::hosting {

// Those of the instance.
void register_static_workers(state::shared &s, uint64 number, const catalog::store &store,
                             const catalog::hosted_row &row);
void forget_static_workers(const catalog::store &store, const std::string &library);

// In the process of any dynpgext worker, before its function runs: loads hosted libraries.  For the
// worker of a hosted library, prepares the process as the postmaster would, and returns true.
// 55000 if its library is not hosted.
bool prepare_worker(const model::worker &worker, Oid home, Datum *argument);
// In the process of an SQL runner.
void prepare_runner(Oid database);

}  // namespace dynpgext::hosting
