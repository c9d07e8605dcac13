// A restore of the database, from the first registrations of a session that restores to its end:
// see model/restore.h.
#pragma once

#include "catalog/store.h"

namespace dynpgext::provisioning {

// For a transaction that changes registrations, before it commits: does its session restore?  Only
// where the session's own settings hold, not in a function.
[[nodiscard]] bool is_restoring();
// Then, under the provisioning lock, the row that says so is written.
void join_restore(const catalog::store &store);

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

}  // namespace dynpgext::provisioning
