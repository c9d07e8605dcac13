#include "hosting/transaction.h"

#include <signal.h>

#include "pg/process.h"
#include "shared/databases.h"
#include "workers/launch.h"

namespace dynpgext::hosting {
namespace {

struct change {
  uint64 hosted;    // 0: none
  uint64 unhosted;  // with the commit; 0: none
  SubTransactionId level;
};

struct transaction {
  std::vector<change> changes;
  bool has_changed_configuration = false;
  bool needs_visit = false;

  [[nodiscard]] bool is_empty() const {
    return changes.empty() && !has_changed_configuration && !needs_visit;
  }
};

transaction &mine() {
  static auto *const t = new transaction;
  return *t;
}

void add(const change &c) {
  transaction &t = mine();
  // makes room first: from here on nothing fails
  t.changes.reserve(t.changes.size() + 1);
  t.changes.push_back(c);
}

// The library to be replaced continues: its keeper may have yielded.
void undo(const change &c) {
  state::shared &s = state::attach();
  if (c.hosted == 0) return;
  mine().needs_visit = true;
  leave(s, c.hosted);
  if (c.unhosted == 0) return;
  {
    const state::exclusive lock(s);
    block &b = require_block(s);
    if (instance *i = find_instance(b, c.unhosted)) {
      i->makes_way = false;
      i->asked_at = {};
      i->keeper_slot = slot_state::wanted;
      b.slots_are_kept = true;
    }
  }
  state::wake_launcher();
}

void carry_out(const change &c) {
  state::shared &s = state::attach();
  if (c.hosted != 0) {
    const state::exclusive lock(s);
    if (instance *i = find_instance(require_block(s), c.hosted)) i->owner = 0;
  }
  if (c.unhosted == 0) return;
  leave(s, c.unhosted);
  if (c.hosted == 0) follow_again(s);
}

void end(transaction &t, void (*what)(const change &)) noexcept {
  std::vector<change> changes;
  changes.swap(t.changes);
  for (const change &c : changes)
    (void)pg::swallow("ending a transaction that hosts libraries", [&] { what(c); });
  // whether or not it was committed: the file has changed
  if (t.has_changed_configuration) (void)kill(PostmasterPid, SIGHUP);
  if (t.needs_visit || (t.has_changed_configuration && what == undo))
    (void)pg::swallow("ending a transaction that hosts libraries",
                      [] { (void)state::want_visit(state::attach(), MyDatabaseId); });
  t.has_changed_configuration = t.needs_visit = false;
}

void on_transaction_event(XactEvent event, void *) {
  transaction &t = mine();
  if (t.is_empty()) return;
  switch (event) {
    case XACT_EVENT_COMMIT: end(t, carry_out); break;
    case XACT_EVENT_ABORT: end(t, undo); break;
    case XACT_EVENT_PRE_PREPARE:
      pg::entry([] {
        throw pg::error(ERRCODE_FEATURE_NOT_SUPPORTED,
                        "cannot PREPARE a transaction that has hosted or unhosted a library");
      });
      break;
    default: break;
  }
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId my_id, SubTransactionId parent_id,
                             void *) {
  std::vector<change> &changes = mine().changes;
  if (event == SUBXACT_EVENT_COMMIT_SUB) {
    for (change &c : changes)
      if (c.level == my_id) c.level = parent_id;
  } else if (event == SUBXACT_EVENT_ABORT_SUB) {
    while (!changes.empty() && changes.back().level == my_id) {
      const change c = changes.back();
      changes.pop_back();
      (void)pg::swallow("rolling back to a savepoint", [&] { undo(c); });
    }
  }
}

}  // namespace

void watch_transactions() {
  pg::call([] {
    RegisterXactCallback(on_transaction_event, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
  });
}

void note_hosted(uint64 number, uint64 replaces) {
  add({number, replaces, GetCurrentSubTransactionId()});
}

void note_unhosted(uint64 number) { add({0, number, GetCurrentSubTransactionId()}); }

bool is_unhosted(uint64 number) {
  const std::vector<change> &changes = mine().changes;
  return std::any_of(changes.begin(), changes.end(),
                     [number](const change &c) { return c.unhosted == number; });
}

void note_changed_configuration() { mine().has_changed_configuration = true; }

void note_changed_rows() { mine().needs_visit = true; }

}  // namespace dynpgext::hosting
