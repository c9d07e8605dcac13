// Quarantine as the reconciler and the views see it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/crash_guard.h"
#include "model/reconcile.h"
#include "shared/root.h"

namespace dynpgext::state {

// Caller holds root.lock.
[[nodiscard]] std::vector<model::quarantined_worker> quarantined_workers(const shared &s);
[[nodiscard]] std::vector<model::quarantined_role> quarantined_roles(const shared &s);
// The extensions of these databases; quarantined code overrides any other state.  Caller holds
// root.lock.
[[nodiscard]] std::vector<model::live_extension> live_extensions(const shared &s,
                                                                 std::span<const Oid> databases);
[[nodiscard]] bool is_quarantined(const shared &s, Oid database, const std::string &extension);

// The reason, its time, and how to end it; for people.  Empty if it is not quarantined. `worker` is
// empty for the extension's code.  Caller holds root.lock.
[[nodiscard]] std::string quarantine_reason(const shared &s, Oid home, std::string_view extension,
                                            std::string_view worker);
// The same for a worker whose role is quarantined; otherwise nullopt.
[[nodiscard]] std::optional<model::suspect> quarantine_of_role(const shared &s,
                                                               const worker_entry &entry);
// Without the lock.
[[nodiscard]] std::string quarantine_reason(const model::suspect &role);

// Ends the quarantine of an extension's code and workers in a database, and of its global workers,
// and clears their crashes.  Does the same for the roles of its commands there (`roles`), and for
// roles with one of its commands as their last crash: all their SQL workers in the database run
// again.  Returns whether there was anything to clear.  Takes the lock itself.
bool release_extension(shared &s, Oid database, const std::string &extension,
                       std::span<const Oid> roles);
// The same after a superuser has dropped it, but not for roles; its global workers stay quarantined
// as long as another database has it.
void forget_crashes(shared &s, Oid database, const std::string &extension);
void forget_database_crashes(shared &s, Oid database);

// Judges the crashes of the last run of the server, unless that has been done.
void judge_crashes(shared &s);

}  // namespace dynpgext::state
