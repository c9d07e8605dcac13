#include "pg/utility.h"

#include "pg/border.h"

namespace dynpgext::pg {
namespace {

using seen_function = void (*)(const utility_statement &);
constexpr int most_watchers = 4;
constinit seen_function watchers[most_watchers] = {};
constinit int watching = 0;
constinit ProcessUtility_hook_type previous = nullptr;

void on_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
                ProcessUtilityContext context, ParamListInfo parameters,
                QueryEnvironment *environment, DestReceiver *destination, QueryCompletion *done) {
  entry([=] {
    const utility_statement seen{planned->utilityStmt, context == PROCESS_UTILITY_TOPLEVEL};
    for (int i = 0; i < watching; ++i) watchers[i](seen);
  });
  const ProcessUtility_hook_type next = previous != nullptr ? previous : standard_ProcessUtility;
  next(planned, query, read_only_tree, context, parameters, environment, destination, done);
}

}  // namespace

void watch_utility(void (*seen)(const utility_statement &statement)) {
  Assert(watching < most_watchers);
  watchers[watching++] = seen;
  if (watching > 1) return;
  previous = ProcessUtility_hook;
  ProcessUtility_hook = on_utility;
}

}  // namespace dynpgext::pg
