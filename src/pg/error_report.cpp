#include "pg/error_report.h"

#include "pg/border.h"

namespace dynpgext::pg {
namespace {

constexpr int most_watchers = 2;
constinit error_watcher watchers[most_watchers] = {};
constinit int watching = 0;
constinit emit_log_hook_type previous = nullptr;

void before_report(int level) {
  const bool is_nested = level == ERROR && GetCurrentTransactionNestLevel() > 1;
  for (int i = 0; i < watching; ++i) {
    if (!watchers[i].has_something()) continue;
    // a server error may leave some, which the abort releases later
    if (held_locks::has_others()) return;
    watchers[i].give_up(is_nested ? error_end::subtransaction : error_end::transaction);
  }
}

void on_report(ErrorData *data) {
  if ((data->elevel == ERROR || data->elevel == FATAL) && IsTransactionState())
    before_report(data->elevel);
  if (previous != nullptr) previous(data);
}

}  // namespace

void watch_errors(const error_watcher &watcher) {
  Assert(watching < most_watchers);
  watchers[watching++] = watcher;
  if (watching > 1) return;
  previous = emit_log_hook;
  emit_log_hook = on_report;
}

}  // namespace dynpgext::pg
