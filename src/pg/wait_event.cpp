#include "pg/wait_event.h"

#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

constexpr std::array names{"DynpgextLauncher",   "DynpgextShutdown",    "DynpgextSqlRunner",
                           "DynpgextWorkerWait", "DynpgextStartCommit", "DynpgextMemoryInit",
                           "DynpgextWorkerEnd",  "DynpgextWorkerState", "DynpgextRunEnd",
                           "DynpgextKeeper",     "DynpgextHosting"};
static_assert(names.size() == static_cast<size_t>(wait::hosting) + 1);

constinit std::array<uint32, names.size()> known{};

}  // namespace

uint32 wait_event(wait what) {
  const auto index = static_cast<size_t>(what);
  uint32 &event = known[index];
  if (event != 0) return event;
  // a parallel worker waits rarely, and cannot use a subtransaction to catch an error
  if (IsInParallelMode()) return PG_WAIT_EXTENSION;
  // the server has room for 128 names of all extensions
  event = PG_WAIT_EXTENSION;
  const char *name = names[index];
  (void)tolerate(
      "naming a wait event",
      [&event, name] { event = call([=] { return versions::wait_event_named(name); }); },
      "The wait is shown as \"Extension\".");
  return event;
}

}  // namespace dynpgext::pg
