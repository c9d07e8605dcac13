#include "pg/parallel_worker.h"

#include "pg/border.h"

namespace dynpgext::pg {
namespace {

using start_function = void (*)() noexcept;
constinit start_function at_start = nullptr;

// The first transaction of a parallel worker connects it to its database.
void on_transaction(XactEvent event, void *) {
  if (event != XACT_EVENT_PRE_COMMIT || !IsParallelWorker()) return;
  if (const start_function f = std::exchange(at_start, nullptr)) f();
}

}  // namespace

void at_start_of_parallel_worker(void (*f)() noexcept) {
  // A parallel worker loads its leader's libraries, unless it inherits them from the postmaster.
  if (IsParallelWorker()) return f();
  if (!process_shared_preload_libraries_in_progress) return;
  at_start = f;
  call([] { RegisterXactCallback(on_transaction, nullptr); });
}

}  // namespace dynpgext::pg
