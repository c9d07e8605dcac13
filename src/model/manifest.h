// A manifest: registrations and settings as one JSON document, for one extension or for a whole
// database. docs/manifest.md describes it, schema/dynpgext.schema.json is its JSON Schema.
//
//   text  --json::parse()-->  json::value  --read_manifest()-->  manifest
//   manifest  --write_manifest()-->  json::value  --json::print()-->  text
//
// A manifest with a fault is refused as a whole; all faults are reported, each with its place.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/command.h"
#include "model/json.h"
#include "model/registration.h"

namespace dynpgext::model {

inline constexpr int manifest_version = 1;

inline constexpr std::size_t max_registrations = 1000;   // allocations and workers of an extension
inline constexpr std::size_t max_manifest_items = 1000;  // of each list
inline constexpr std::size_t max_allocation_name = 255;  // bytes
inline constexpr std::int64_t max_allocation_size = std::int64_t{1} << 40;  // bytes
inline constexpr std::size_t max_library_name = 1023;                       // characters
inline constexpr std::size_t max_version = 255;                             // characters
inline constexpr std::size_t max_command = 65536;                           // characters

// Names of bgw_start_time and bgw_flags in a manifest; the caller provides the server's numbers,
// because model/ does not know the server.
struct server_numbers {
  std::uint32_t start_postmaster = 0;  // only in the library's part
  std::uint32_t start_consistent = 1;
  std::uint32_t start_recovery_finished = 2;
  std::uint32_t flag_shmem_access = 1;
  std::uint32_t flag_connects = 2;
  std::size_t max_worker_name = 95;              // bytes, of names and types of workers
  std::size_t max_extension_name = 63;           // bytes, of extensions, roles and channels
  bool text_is_utf8 = true;                      // otherwise an encoding with fewer characters
  std::string sql_library = "$libdir/dynpgext";  // library of the worker that runs SQL commands
  std::string sql_function = "dynpgext_sql_worker";
};

// Parses an interval: microseconds, or nullopt if it is not one.  PostgreSQL's own parser in the
// server.
using interval_reader = std::function<std::optional<std::int64_t>(const std::string &)>;

// An allocation or worker, and its place in the document (a JSON pointer).
struct declared_allocation {
  dynpgext::model::allocation allocation;  // `extension` and `declared` are set
  std::string content;                     // initial bytes; the rest is 0
  std::string place;
  bool operator==(const declared_allocation &) const = default;
};
struct declared_worker {
  dynpgext::model::worker
      worker;  // `extension`, `declared`, and for SQL `hosted` and `extra` are set
  std::optional<dynpgext::model::command> command;  // of an SQL worker
  std::string place;
  bool operator==(const declared_worker &) const = default;
};
struct declared_settings {
  worker_settings settings;
  std::string place;
  bool operator==(const declared_settings &) const = default;
};

// Registrations of its library: shown in an export, never applied.
struct library_part {
  std::string library;
  std::vector<allocation> allocations;
  std::vector<worker> workers;
  bool operator==(const library_part &) const = default;
};

struct extension_manifest {
  std::string extension;               // empty: missing
  std::optional<std::string> version;  // that it was written for
  std::vector<declared_allocation> allocations;
  std::vector<declared_worker> workers;
  std::vector<declared_settings> settings;
  std::optional<library_part> library;
  std::string place;  // of the extension's object
  bool operator==(const extension_manifest &) const = default;
};

struct manifest {
  bool whole_database = false;                 // "extensions": all others have nothing
  std::vector<extension_manifest> extensions;  // exactly one unless whole_database
  bool operator==(const manifest &) const = default;
};

struct manifest_result {
  manifest document;
  std::vector<json::fault> faults;  // empty: no faults
};

// `extension`: the extension of a manifest that does not name one; empty: it must name one.
[[nodiscard]] manifest_result read_manifest(const json::value &document,
                                            const std::string &extension,
                                            const server_numbers &numbers,
                                            const interval_reader &read_interval);
// Members in the order of the schema; defaults are left out, lists sorted by name.
[[nodiscard]] json::value write_manifest(const manifest &from, const server_numbers &numbers);

// As an interval for PostgreSQL: "250 ms", "5 s", "2 min", "1 h"; the largest unit without a
// fraction.
[[nodiscard]] std::string interval_text(std::int64_t milliseconds);

}  // namespace dynpgext::model
