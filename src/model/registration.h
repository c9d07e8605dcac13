// The registrations of an extension, as plain values. model/ does not know the server.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/members.h"
#include "model/restart.h"
#include "model/restore.h"

namespace dynpgext::model {

// A database's OID; 0: global.
using database_id = std::uint32_t;
inline constexpr database_id no_database = 0;

enum class scope : std::uint8_t { global = 0, database = 1 };

[[nodiscard]] constexpr const char *name_of(scope s) {
  return s == scope::global ? "global" : "database";
}

// The database of an instance when `where` registers it.
[[nodiscard]] constexpr database_id home_of(scope s, database_id where) {
  return s == scope::global ? no_database : where;
}

struct allocation {
  std::string name;
  std::string extension;
  dynpgext::model::scope scope = scope::global;
  std::uint64_t size = 0;  // bytes
  bool declared = false;   // by a manifest, not by its library
  bool operator==(const allocation &) const = default;
};
template <>
inline constexpr std::tuple members<allocation>{
    member(&allocation::name, in_manifest), member(&allocation::extension, name_column),
    member(&allocation::scope, in_manifest), member(&allocation::size, in_manifest),
    member(&allocation::declared)};
static_assert(lists_all<allocation>());

inline constexpr std::size_t worker_extra_size = 128;

// The servers that a worker runs on.
enum class server_role : std::uint8_t {
  by_start_time,  // by bgw_start_time: both, or the primary
  primary,
  standby,
  both
};
[[nodiscard]] const char *name_of(server_role role);
[[nodiscard]] server_role server_role_of(const std::string &name);

// The process for the command of an SQL worker.
enum class worker_process : std::uint8_t {
  shared,  // that of its database and role
  own
};
[[nodiscard]] constexpr const char *name_of(worker_process p) {
  return p == worker_process::own ? "own" : "shared";
}

struct worker {
  std::string extension;
  std::string name;
  std::string type;
  dynpgext::model::scope scope = scope::global;
  std::string library;
  std::string function;
  std::uint32_t flags = 0;    // bgw_flags
  std::uint32_t start = 0;    // bgw_start_time
  bool notify = false;        // notify the starting process of state changes
  bool has_callback = false;  // the starting process must have run _Dynpgext_init
  std::array<char, worker_extra_size> extra{};
  std::uint64_t argument = 0;  // bgw_main_arg of a global worker; role of a hosted one
  restart_policy restart = restart_policy::never;
  std::int64_t restart_delay = default_restart_delay;  // milliseconds
  server_role role = server_role::by_start_time;
  std::int64_t deadline = 0;  // maximum time between two heartbeats, milliseconds; 0: no limit
  bool declared = false;      // by a manifest, not by its library
  bool hosted = false;        // runs a command, in a process of its database and role
  worker_process process = worker_process::shared;  // of a hosted one
  bool operator==(const worker &) const = default;
};
template <>
inline constexpr std::tuple members<worker>{
    member(&worker::extension, name_column),
    member(&worker::name, in_manifest),
    member(&worker::type, in_manifest),
    member(&worker::scope, in_manifest),
    member(&worker::library, in_manifest),
    member(&worker::function, in_manifest),
    member(&worker::flags, in_manifest),
    member(&worker::start, in_manifest),
    member(&worker::notify, in_manifest),
    member(&worker::has_callback, in_manifest),
    member(&worker::extra, in_manifest),
    member(&worker::argument, in_manifest),
    member(&worker::restart, not_of_process | in_manifest),
    member(&worker::restart_delay, not_of_process | in_manifest),
    member(&worker::deadline, in_manifest),
    member(&worker::role, in_manifest),
    member(&worker::declared, not_of_process),
    member(&worker::hosted),
    member(&worker::process, in_manifest)};
static_assert(lists_all<worker>());

// Are they equal in everything that the process was started with?
[[nodiscard]] bool same_process(const worker &a, const worker &b);

// The DBA's settings for a worker; the author's terms apply to the rest.
struct worker_settings {
  std::string extension;
  std::string worker;
  std::optional<bool> enabled;
  std::optional<restart_policy> restart;
  std::optional<std::int64_t> restart_delay;      // milliseconds
  std::optional<std::int64_t> run_interval = {};  // milliseconds, of an SQL worker
  [[nodiscard]] bool is_empty() const {
    return !enabled && !restart && !restart_delay && !run_interval;
  }
  bool operator==(const worker_settings &) const = default;
};
template <>
inline constexpr std::tuple members<worker_settings>{
    member(&worker_settings::extension, name_column),
    member(&worker_settings::worker, in_manifest),
    member(&worker_settings::enabled, in_manifest),
    member(&worker_settings::restart, in_manifest),
    member(&worker_settings::restart_delay, in_manifest),
    member(&worker_settings::run_interval, in_manifest)};
static_assert(lists_all<worker_settings>());

struct extension {
  std::string name;
  std::string version;
  std::string library;
  bool eager = true;             // provisioned without load()
  bool loaded = true;            // not unloaded
  std::int64_t boot = 0;         // of a lazy one: the boot in which it was loaded
  std::int64_t incarnation = 0;  // distinguishes one CREATE EXTENSION from the next
  bool is_library = false;       // a hosted one, see hosting/: not an extension of the database
  bool operator==(const extension &) const = default;

  // Is it wanted in the server's run `current_boot`?
  [[nodiscard]] bool wanted(std::int64_t current_boot) const {
    return loaded && (eager || boot == current_boot);
  }
};
template <>
inline constexpr std::tuple members<extension>{member(&extension::name, name_column),
                                               member(&extension::version),
                                               member(&extension::library),
                                               member(&extension::eager),
                                               member(&extension::loaded),
                                               member(&extension::boot),
                                               member(&extension::incarnation),
                                               member(&extension::is_library)};
static_assert(lists_all<extension>());

// The registrations of one database.
struct registrations {
  std::vector<extension> extensions;
  std::vector<allocation> allocations;
  std::vector<worker> workers;
  std::vector<worker_settings> settings;
  std::optional<restore> under_restore;  // the database is being restored: no worker runs in it
  bool operator==(const registrations &) const = default;

  [[nodiscard]] const extension *find_extension(const std::string &name) const;
  [[nodiscard]] const allocation *find_allocation(const std::string &name) const;
  [[nodiscard]] const worker *find_worker(const std::string &extension,
                                          const std::string &name) const;
  [[nodiscard]] const worker_settings *find_settings(const std::string &extension,
                                                     const std::string &worker) const;
  // Is it registered, or could it be once the library of its extension is loaded?
  [[nodiscard]] bool may_have_worker(const std::string &extension, const std::string &name,
                                     std::int64_t boot) const;
  // Without the objects of extensions that are not wanted in this run of the server.
  [[nodiscard]] registrations wanted(std::int64_t boot) const;
  // Without allocations, workers and settings of these extensions.
  [[nodiscard]] registrations without_objects_of(const std::set<std::string> &names) const;
  // One extension, and its objects.
  [[nodiscard]] registrations part_of(const std::string &extension) const;
};

}  // namespace dynpgext::model
