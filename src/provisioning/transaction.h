// What the transaction under way has done to registrations and memory, and what follows
// when it ends.
//
//   PRE_COMMIT   reads the registrations as this transaction leaves them, and does all that
//                can fail: takes the provisioning lock, makes room.
//   COMMIT       publishes them, settles memory, starts and stops workers.  Cannot fail:
//                what goes wrong is a WARNING, and the launcher makes it good.
//   ABORT        gives back memory; nothing else has happened.
//   PREPARE      as ABORT; the launcher waits for the transaction's end.
//
// What was rolled back to a savepoint is simply not among the registrations any more.
#pragma once

#include "catalog/store.h"
#include "model/reconcile.h"
#include "state/allocations.h"

namespace dynpgext::provisioning {

// Registers the transaction callbacks; once in a process.
void watch_transactions();
// Before a commit that has dropped dynpgext from the database: what else has to go.  Once, when the
// library is loaded.
void follow_drops_of_dynpgext(void (*follow)());

// Memory that this transaction wants; its claim ends with the (sub)transaction.
void hold_for_transaction(const state::hold &h);
[[nodiscard]] std::span<const state::hold> transaction_holds();

// This transaction changes registrations of its database, through this access to them.
void touch(const catalog::store &store);
[[nodiscard]] bool is_touched();
// It brings dynpgext to the database, of whose event triggers others know only after its commit.
void note_arrival();
[[nodiscard]] bool is_arriving();
// Rows that SQL writes in it come from where provisioning/restore.h says, or not.
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

}  // namespace dynpgext::provisioning
