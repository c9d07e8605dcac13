// The settings dynpgext.*, in the units that the code uses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dynpgext::pg::settings {

// Defines them, once in each process.  That costs a process that has just started a good part
// of what it takes to start (the server sorts all its settings anew for each), so the process of
// a worker does it only when it needs one.  Not while an LWLock is held.
// In parallel mode it cannot be done, and is postponed: then the values are read only.
void define();
// What a commit does, when parallel mode is over.
void define_postponed();

[[nodiscard]] std::uint64_t memory_limit_bytes();      // UINT64_MAX: none
[[nodiscard]] std::uint64_t max_owner_memory_bytes();  // the same
[[nodiscard]] long naptime_milliseconds();
[[nodiscard]] int start_concurrency();
[[nodiscard]] std::int64_t restart_delay_max_milliseconds();
[[nodiscard]] long stop_timeout_milliseconds();
[[nodiscard]] long runner_idle_timeout_milliseconds();  // -1: none
[[nodiscard]] long delay_warning_milliseconds();        // 0: none
[[nodiscard]] long hosting_wait_milliseconds();
// Is a session refused that has waited for so long in vain?
[[nodiscard]] bool is_hosting_required();
[[nodiscard]] int max_workers();            // -1: no limit
[[nodiscard]] int max_runners();            // the same
[[nodiscard]] std::uint32_t crash_limit();  // 0: the crash guard is off
[[nodiscard]] std::int64_t crash_window_seconds();
[[nodiscard]] std::uint32_t max_events();
[[nodiscard]] std::uint32_t max_runs();
[[nodiscard]] std::size_t manifest_limit_bytes();
[[nodiscard]] const char *allowed_extensions();  // see model/allowed.h
// Nothing of any extension runs, or is started.
[[nodiscard]] bool safe_mode();
[[nodiscard]] const char *hosting_databases();  // OIDs, separated by commas
// What checks it; set before define().
void set_allowed_extensions_check(bool (*is_list)(const char *));
// How long the code of an extension may take; 0: any time.  In a visit as configured, in a session
// only where it is set for the session: with SET, ALTER ROLE or ALTER DATABASE.
[[nodiscard]] std::int64_t provisioning_timeout_milliseconds(bool of_visit);
// A digest of those that may keep an extension from being provisioned: memory_limit,
// max_owner_memory, provisioning_timeout, allowed_extensions and safe_mode.
[[nodiscard]] std::uint64_t provisioning_digest();

[[nodiscard]] int max_database_workers();  // -1: no limit
[[nodiscard]] int max_owner_workers();     // the same
enum class restores : std::uint8_t { automatic, on, off };
[[nodiscard]] restores restore();  // is this session a restore: as it looks, or as it says

// Of any setting, the server's too: has the session or its client said the value, and neither a
// file nor ALTER DATABASE, which the owner may do, or ALTER ROLE?
[[nodiscard]] bool is_of_session(const char *name);
// Would the server let the current user set one for superusers?  In a transaction.
[[nodiscard]] bool may_set(const char *name);

inline constexpr const char *hosting_databases_name = "dynpgext.hosting_databases";
inline constexpr const char *safe_mode_name = "dynpgext.safe_mode";
inline constexpr const char *max_runners_name = "dynpgext.max_runners";
inline constexpr const char *max_workers_name = "dynpgext.max_workers";
inline constexpr const char *memory_limit_name = "dynpgext.memory_limit";
inline constexpr const char *max_owner_memory_name = "dynpgext.max_owner_memory";
inline constexpr const char *max_owner_workers_name = "dynpgext.max_owner_workers";
inline constexpr const char *max_database_workers_name = "dynpgext.max_database_workers";

}  // namespace dynpgext::pg::settings
