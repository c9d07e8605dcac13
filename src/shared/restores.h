// Who is restoring which database, in this run of the server.  Whether a database is being restored
// is in its registrations (model/restore.h); here is what decides when that is over by itself.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// This session restores the database that it is connected to, until it ends.  `may_return`: it may
// leave for a moment, or others may come in its place.  `trusted`: it is a superuser's, and has
// created dynpgext or goes on with a trusted one.
void note_restorer(shared &s, bool may_return, bool trusted);
// Does a superuser's session restore the current database, or has one a moment ago?  In a
// transaction.
[[nodiscard]] bool is_trusted_restore(const shared &s);
// Is it known to, and is a restore of its database known to be under way?
[[nodiscard]] bool is_restorer();
[[nodiscard]] bool is_under_restore(const shared &s, Oid database);
// It does not any more: somebody has said so in it.
void forget_restorer(shared &s) noexcept;

// For the launcher: databases whose restore is over are to be visited, and the visit ends it.
// Returns whether any is under way: look again soon.
bool follow_restores(shared &s);
// Is it over, and not only a moment without a session?
[[nodiscard]] bool is_restore_over(const shared &s, Oid database);
// Then: has one of its sessions broken off?
[[nodiscard]] bool has_restore_broken_off(const shared &s, Oid database);
// It is not known to be under way any more.
void forget_restore(shared &s, Oid database);

}  // namespace dynpgext::state
