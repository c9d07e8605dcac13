// A restore of the database, from the first registrations of a restoring session to its end: see
// model/restore.h.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// For a transaction that changes registrations, before it commits: does its session restore?  Only
// where the session's own settings apply, not in a function.
[[nodiscard]] bool is_restoring();
// If so, writes the row of dynpgext.restore, under the provisioning lock. `brings_dynpgext`: the
// transaction has created dynpgext.
void join_restore(const catalog::store &store, bool brings_dynpgext);

// Rows of dynpgext.manifests and identities that SQL writes may be a dump of tables that anybody
// has created under these names.  Only if the restore has also created dynpgext, they come from
// tables that only superusers could write: then they decide about the roles of commands.  Call it
// where the session's own settings apply; is_source_trusted() (extensions/ledger.h) has the answer
// until the end of the transaction, or until the next call.
void look_at_source(const catalog::store &store);
// For a process outside of the restore: is such a restore in progress, which will check by itself?
[[nodiscard]] bool expects_trusted_rows(const catalog::store &store);

// From now on in this process, sessions also join a restore in progress when they begin to work:
// those of pg_restore --jobs register nothing.
void watch_restores();

// In a visit: ends a restore whose sessions have ended.
void end_restore_if_over(const catalog::store &store);

// On a user's request, until end_restore().  Return whether this changes anything.
bool begin_restore(const catalog::store &store);
bool end_restore(const catalog::store &store);

// After a start of the server: a restore that was in progress is not over.
void report_interrupted_restore(const model::registrations &all);

// A parallel restore copies manifests and identities at the same time, in two sessions: the second
// sees the effect of the first one's rows, and combines the two.  Until the end of the transaction;
// before locks of extensions.
void await_other_half(const catalog::store &store);

}  // namespace dynpgext::provisioning
