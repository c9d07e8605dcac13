// Holds of the current transaction, and its notes for its end (provisioning/commit.h).
//
// Each hold and each note belongs to the subtransaction that made it, as the written rows do: a
// rollback to a savepoint removes it.  `touched` and the other flags stay: the commit reads the
// rows that are left.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "catalog/store.h"
#include "memory/allocations.h"
#include "model/reconcile.h"

namespace dynpgext::provisioning {

// Memory that this transaction wants; the hold ends with the (sub)transaction.
void hold_for_transaction(const state::hold &h);
[[nodiscard]] std::span<const state::hold> transaction_holds();

// This transaction changes registrations of its database, using this store.
void touch(const catalog::store &store);
[[nodiscard]] bool is_touched();
// It creates dynpgext in the database; others see its event triggers only after the commit.
void note_arrival();
[[nodiscard]] bool is_arriving();
// Whether rows that SQL writes in it come from a trusted source, see extensions/restore.h.
void note_source(bool is_trusted);
[[nodiscard]] bool is_source_trusted();
// Rows of our tables came by logical replication: a visit follows them after the commit.
void note_replicated();
// This transaction may be dropping dynpgext itself, without a trigger.
void suspect_drop();

// Result of provisioning an extension; takes effect with the commit.
void note_extension(const std::string &extension, model::extension_state state,
                    const std::string &error = {});

// The extension is no longer registered: the commit clears its crashes.
void note_drop(const std::string &extension);

// With the commit, failed workers are tried again: those of an extension, or (empty) all.  Several
// calls add up.
void note_retry(const std::string &extension);

// Overlays the states of extensions in this transaction.
void overlay_notes(model::live_state &live);

// --- for its end ---
struct ledger {
  struct note {
    std::string extension;
    model::extension_state state;
    std::string error;
    SubTransactionId level;
  };
  struct mention {
    std::string extension;
    SubTransactionId level;
  };
  std::vector<state::hold> holds;
  std::vector<SubTransactionId> hold_levels;  // of the same index in `holds`
  bool touched = false;
  bool drop_suspected = false;
  bool arrives = false;                 // creates dynpgext in the database
  bool source_trusted = false;          // of rows that SQL writes
  bool wants_visit = false;             // a visit must follow written rows
  bool memory_given_back = false;       // by a rolled-back subtransaction
  std::optional<catalog::store> store;  // used for the changes
  std::vector<note> notes;              // of one extension, the last one counts
  std::vector<mention> dropped;
  std::vector<mention> retried;  // failed workers of these extensions; empty: of all

  [[nodiscard]] bool is_idle() const { return holds.empty() && !touched && !drop_suspected; }
  [[nodiscard]] const note *find_note(std::string_view extension) const;
  [[nodiscard]] bool retries(std::string_view extension) const;

  // The end of a subtransaction.  Its parent takes over; or nothing is left but the holds, which
  // are returned, and have to be ended.
  void commit_level(SubTransactionId level, SubTransactionId parent);
  [[nodiscard]] std::vector<state::hold> abort_level(SubTransactionId level);
};
// Of the transaction under way.
[[nodiscard]] ledger &this_ledger();

}  // namespace dynpgext::provisioning
