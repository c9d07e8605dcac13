#include "pg/swallowed.h"

#include "pg/border.h"

namespace dynpgext::pg {
namespace {

// The first one that has not been rolled back yet.
constinit SubTransactionId level = InvalidSubTransactionId;
constinit char doing_what[64] = "";
constinit char what_happened[256] = "";

void on_transaction(XactEvent event, void *) {
  const bool is_about_to_commit = event == XACT_EVENT_PRE_COMMIT ||
                                  event == XACT_EVENT_PARALLEL_PRE_COMMIT ||
                                  event == XACT_EVENT_PRE_PREPARE;
  if (std::exchange(level, InvalidSubTransactionId) == InvalidSubTransactionId) return;
  if (!is_about_to_commit) return;
  entry([] {
    throw error(ERRCODE_IN_FAILED_SQL_TRANSACTION,
                std::string("dynpgext: the transaction cannot be committed: an error occurred "
                            "while ") +
                    doing_what,
                what_happened, "Repeat the transaction.");
  });
}

void on_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *) {
  if (level == InvalidSubTransactionId || level != mine) return;
  if (event == SUBXACT_EVENT_COMMIT_SUB) level = parent;
  if (event == SUBXACT_EVENT_ABORT_SUB) level = InvalidSubTransactionId;
}

// The innermost open transaction cannot be committed any more.
void note(const char *doing, const char *message) noexcept {
  if (!IsTransactionState() || level != InvalidSubTransactionId) return;
  level = GetCurrentSubTransactionId();
  strlcpy(doing_what, doing, sizeof doing_what);
  strlcpy(what_happened, message, sizeof what_happened);
}

}  // namespace

void watch_swallowed() {
  set_swallow_watcher(note);
  call([] {
    RegisterXactCallback(on_transaction, nullptr);
    RegisterSubXactCallback(on_subtransaction, nullptr);
  });
}

}  // namespace dynpgext::pg
