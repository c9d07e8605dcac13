// Sessions that restore a database, in this run of the server.  The restore itself is in the
// registrations (model/restore.h); this file decides when it is over by itself.
#pragma once

#include "shared/root.h"

namespace dynpgext::state {

// This session restores the database that it is connected to, until it ends. `may_return`: it may
// leave for a moment, or others may follow it. `trusted`: it is a superuser's, and has created
// dynpgext or continues a trusted restore.
void note_restorer(shared &s, bool may_return, bool trusted);
// Does a superuser's session restore the current database, or did one a moment ago?  In a
// transaction.
[[nodiscard]] bool is_trusted_restore(const shared &s);
// Is this session known to restore, and a restore of its database known to be in progress?
[[nodiscard]] bool is_restorer();
[[nodiscard]] bool is_under_restore(const shared &s, Oid database);
// This session no longer restores: it has called end_restore().
void forget_restorer(shared &s) noexcept;

// For the launcher: requests visits of databases whose restore is over; the visit ends it.  Returns
// whether any is in progress: check again soon.
bool follow_restores(shared &s);
// Is it over, and not just without a session for a moment?
[[nodiscard]] bool is_restore_over(const shared &s, Oid database);
// If so: has one of its sessions broken off?
[[nodiscard]] bool has_restore_broken_off(const shared &s, Oid database);
// The restore is no longer in progress, as far as is known.
void forget_restore(shared &s, Oid database);

}  // namespace dynpgext::state
