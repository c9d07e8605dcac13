#include "extensions/ledger.h"

#include "memory/attachments.h"
#include "shared/provisioning_lock.h"
#include "workers/extension_code.h"

namespace dynpgext::provisioning {
namespace {

// Keeps one note for each extension and subtransaction: a rollback to a savepoint restores the
// earlier one.  Does not allocate.
void forget_overridden(std::vector<ledger::note> &notes) {
  for (size_t i = notes.size(); i-- > 0;) {
    const auto overrides = [&last = notes[i]](const ledger::note &n) {
      return n.extension == last.extension && n.level == last.level;
    };
    const auto end = notes.begin() + static_cast<ptrdiff_t>(i);
    const auto kept = std::remove_if(notes.begin(), end, overrides);
    i -= static_cast<size_t>(end - kept);
    notes.erase(kept, end);
  }
}

}  // namespace

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
  ledger &t = this_ledger();
  t.notes.push_back({extension, state, error, GetCurrentSubTransactionId()});
  forget_overridden(t.notes);
}

void note_retry(const std::string &extension) {
  this_ledger().retried.push_back({extension, GetCurrentSubTransactionId()});
}

void note_drop(const std::string &extension) {
  this_ledger().dropped.push_back({extension, GetCurrentSubTransactionId()});
}

void overlay_notes(model::live_state &live) {
  for (const ledger::note &n : this_ledger().notes) {
    std::erase_if(live.extensions, [&](const model::live_extension &e) {
      return e.database == MyDatabaseId && e.name == n.extension;
    });
    live.extensions.push_back({MyDatabaseId, n.extension, n.state});
  }
}

const ledger::note *ledger::find_note(std::string_view extension) const {
  const auto found = std::find_if(notes.rbegin(), notes.rend(),
                                  [=](const note &n) { return n.extension == extension; });
  return found == notes.rend() ? nullptr : &*found;
}

bool ledger::retries(std::string_view extension) const {
  return std::any_of(retried.begin(), retried.end(), [=](const mention &m) {
    return m.extension.empty() || m.extension == extension;
  });
}

void ledger::commit_level(SubTransactionId level, SubTransactionId parent) {
  std::replace(hold_levels.begin(), hold_levels.end(), level, parent);
  const auto reparent = [=](auto &items) {
    for (auto &item : items)
      if (item.level == level) item.level = parent;
  };
  reparent(notes);
  reparent(dropped);
  reparent(retried);
  forget_overridden(notes);
}

std::vector<state::hold> ledger::abort_level(SubTransactionId level) {
  const auto is_its = [=](const auto &item) { return item.level == level; };
  std::erase_if(notes, is_its);
  std::erase_if(dropped, is_its);
  std::erase_if(retried, is_its);
  std::vector<state::hold> ended;
  for (size_t i = holds.size(); i-- > 0;) {
    if (hold_levels[i] != level) continue;
    ended.push_back(holds[i]);
    holds.erase(holds.begin() + static_cast<ptrdiff_t>(i));
    hold_levels.erase(hold_levels.begin() + static_cast<ptrdiff_t>(i));
  }
  return ended;
}

}  // namespace dynpgext::provisioning
