#include "extensions/ledger.h"

#include "memory/attachments.h"
#include "shared/provisioning_lock.h"
#include "workers/extension_code.h"

namespace dynpgext::provisioning {

ledger &this_ledger() {
  static auto *const l = new ledger;
  return *l;
}

void hold_for_transaction(const state::hold &h) {
  ledger &t = this_ledger();
  t.holds.reserve(t.holds.size() + 1);
  t.hold_levels.push_back(GetCurrentSubTransactionId());
  t.holds.push_back(h);
}

std::span<const state::hold> transaction_holds() { return this_ledger().holds; }

void touch(const catalog::store &store) {
  // Another process may provision for a long time.  Waiting here, where statement_timeout still
  // applies, is better than in the commit.  Not within code of an extension, which may hold the
  // claim of an allocation for which the lock's holder waits.
  if (state::code_under_way() == nullptr && IsUnderPostmaster)
    state::await_provisioning(state::attach(), MyDatabaseId);
  this_ledger().touched = true;
  this_ledger().store = store;
  state::bypass_cache(true);
}

bool is_touched() { return this_ledger().touched; }

void note_replicated() { this_ledger().wants_visit = true; }

void note_arrival() { this_ledger().arrives = true; }

bool is_arriving() { return this_ledger().arrives; }

void note_source(bool is_trusted) { this_ledger().source_trusted = is_trusted; }

bool is_source_trusted() { return this_ledger().source_trusted; }

void suspect_drop() { this_ledger().drop_suspected = true; }

void note_extension(const std::string &extension, model::extension_state state,
                    const std::string &error) {
  this_ledger().notes[extension] = {state, error};
}

void note_retry(const std::string &extension) { this_ledger().retry = extension; }

void note_drop(const std::string &extension) { this_ledger().dropped.push_back(extension); }

void overlay_notes(model::live_state &live) {
  for (const auto &[name, n] : this_ledger().notes) {
    const std::string &extension = name;
    std::erase_if(live.extensions, [&](const model::live_extension &e) {
      return e.database == MyDatabaseId && e.name == extension;
    });
    live.extensions.push_back({MyDatabaseId, extension, n.state});
  }
}

}  // namespace dynpgext::provisioning
