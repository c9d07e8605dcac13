// A restore of the database, from the first registrations of a session that restores to its end:
// see model/restore.h.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// For a transaction that changes registrations, before it commits: does its session restore?  Only
// where the session's own settings hold, not in a function.
[[nodiscard]] bool is_restoring();
// Then, under the provisioning lock, the row that says so is written.  `brings_dynpgext`: the
// transaction has created dynpgext.
void join_restore(const catalog::store &store, bool brings_dynpgext);

// Rows of dynpgext.manifests and identities that SQL writes were perhaps dumped from tables that
// anybody has made, under these names.  Only where the restore has created dynpgext, too, they come
// from tables that no others than superusers could write: then they decide whom commands run as.
// Asked where the session's own settings hold; is_source_trusted() (extensions/ledger.h) has
// the answer until the end of the transaction, or until this is asked again.
void look_at_source(const catalog::store &store);
// For a process that comes by chance: is such a restore under way, which will look itself?
[[nodiscard]] bool expects_trusted_rows(const catalog::store &store);

// Sessions join a restore that is under way, too, when they begin to work: those of pg_restore
// --jobs register nothing.  From now on in this process.
void watch_restores();

// In a visit: ends a restore whose sessions have gone.
void end_restore_if_over(const catalog::store &store);

// By a user's word, until end_restore().  Return whether that is anything new.
bool begin_restore(const catalog::store &store);
bool end_restore(const catalog::store &store);

// After a start of the server: one that was under way is not over.
void report_interrupted_restore(const model::registrations &all);

// A parallel restore copies manifests and identities at the same time, in two sessions: whoever
// comes second sees what the first has made of its rows, and brings the two together.  Until the
// end of the transaction; before locks of extensions.
void await_other_half(const catalog::store &store);

}  // namespace dynpgext::provisioning
