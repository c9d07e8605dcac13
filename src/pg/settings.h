// The settings dynpgext.*, in the units that the code uses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dynpgext::pg::settings {

// Defines them, once in each process.  In a new process this is a good part of the start (the
// server sorts all its settings for each), so a worker's process does it only when it needs one.
// Not while an LWLock is held.  In parallel mode it is impossible, and deferred: then the values
// are only read.
void define();
// Called by a commit, after parallel mode has ended.
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
// Is a session refused after waiting for this time in vain?
[[nodiscard]] bool is_hosting_required();
[[nodiscard]] int max_workers();            // -1: no limit
[[nodiscard]] int max_runners();            // the same
[[nodiscard]] int max_own_processes();      // the same
[[nodiscard]] std::uint32_t crash_limit();  // 0: the crash guard is off
[[nodiscard]] std::int64_t crash_window_seconds();
[[nodiscard]] std::uint32_t max_events();
[[nodiscard]] std::uint32_t max_runs();
[[nodiscard]] std::size_t manifest_limit_bytes();
[[nodiscard]] const char *allowed_extensions();  // see model/allowed.h
// No extension code runs, or is started.
[[nodiscard]] bool safe_mode();
[[nodiscard]] const char *hosting_databases();  // OIDs, separated by commas
// The check of a value; set before define().
void set_allowed_extensions_check(bool (*is_list)(const char *));
// How long the code of an extension may take; 0: no limit.  In a visit the configured value, in a
// session only a value for the session: from SET, ALTER ROLE or ALTER DATABASE.
[[nodiscard]] std::int64_t provisioning_timeout_milliseconds(bool of_visit);
// A digest of the settings that may prevent the provisioning of an extension: memory_limit,
// max_owner_memory, provisioning_timeout, allowed_extensions and safe_mode.
[[nodiscard]] std::uint64_t provisioning_digest();

[[nodiscard]] int max_database_workers();  // -1: no limit
[[nodiscard]] int max_owner_workers();     // the same
enum class restores : std::uint8_t { automatic, on, off };
[[nodiscard]] restores restore();  // is this session a restore: by its settings, or explicitly

// For any setting, including the server's: does the value come from the session or its client, not
// from a file, ALTER DATABASE (allowed for the owner) or ALTER ROLE?
[[nodiscard]] bool is_of_session(const char *name);
// Would the server let the current user set one for superusers?  In a transaction.
[[nodiscard]] bool may_set(const char *name);

inline constexpr const char *hosting_databases_name = "dynpgext.hosting_databases";
inline constexpr const char *safe_mode_name = "dynpgext.safe_mode";
inline constexpr const char *max_runners_name = "dynpgext.max_runners";
inline constexpr const char *max_own_processes_name = "dynpgext.max_own_processes";
inline constexpr const char *max_workers_name = "dynpgext.max_workers";
inline constexpr const char *memory_limit_name = "dynpgext.memory_limit";
inline constexpr const char *max_owner_memory_name = "dynpgext.max_owner_memory";
inline constexpr const char *max_owner_workers_name = "dynpgext.max_owner_workers";
inline constexpr const char *max_database_workers_name = "dynpgext.max_database_workers";

}  // namespace dynpgext::pg::settings
