// What the transaction under way holds, and what it notes for its end (provisioning/commit.h).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/store.h"
#include "memory/allocations.h"
#include "model/reconcile.h"

namespace dynpgext::provisioning {

// Memory that this transaction wants; its claim ends with the (sub)transaction.
void hold_for_transaction(const state::hold &h);
[[nodiscard]] std::span<const state::hold> transaction_holds();

// This transaction changes registrations of its database, through this access to them.
void touch(const catalog::store &store);
[[nodiscard]] bool is_touched();
// It brings dynpgext to the database, of whose event triggers others know only after its commit.
void note_arrival();
[[nodiscard]] bool is_arriving();
// Rows that SQL writes in it come from where extensions/restore.h says, or not.
void note_source(bool is_trusted);
[[nodiscard]] bool is_source_trusted();
// Rows of our tables came by logical replication: a visit follows them after the commit.
void note_replicated();
// This transaction may be dropping dynpgext itself, of which no trigger tells.
void suspect_drop();

// How provisioning an extension went; takes effect with the commit.
void note_extension(const std::string &extension, model::extension_state state,
                    const std::string &error = {});

// The extension is no longer registered: with the commit its crashes are forgotten.
void note_drop(const std::string &extension);

// With the commit, workers that have failed get another try: those of an extension, or (empty) all.
void note_retry(const std::string &extension);

// The states of extensions as this transaction leaves them.
void overlay_notes(model::live_state &live);

// --- for its end ---
struct ledger {
  struct note {
    model::extension_state state;
    std::string error;
  };
  std::vector<state::hold> holds;
  std::vector<SubTransactionId> hold_levels;  // of the same index in `holds`
  bool touched = false;
  bool drop_suspected = false;
  bool arrives = false;                 // dynpgext comes to the database
  bool source_trusted = false;          // of rows that SQL writes
  bool wants_visit = false;             // rows were written that a visit is to follow
  bool memory_given_back = false;       // by a subtransaction that was rolled back
  std::optional<catalog::store> store;  // that the changes went through
  std::map<std::string, note> notes;
  std::vector<std::string> dropped;
  std::optional<std::string> retry;  // failed workers of this extension; empty: of all

  [[nodiscard]] bool is_idle() const { return holds.empty() && !touched && !drop_suspected; }
};
// Of the transaction under way.
[[nodiscard]] ledger &this_ledger();

}  // namespace dynpgext::provisioning
