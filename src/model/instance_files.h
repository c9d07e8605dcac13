// The files of hosted libraries.
//
// A library for shared_preload_libraries may use files with fixed names: a server has it once.
// Hosted, it may have several instances: one for each database, and the one of a replaced file
// while sessions still have it.  Two instances never share a file, because each relies on what it
// has written itself, such as the places of texts.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace dynpgext::model {

enum class file_kind : std::uint8_t {
  common,   // not of an instance: the path stays as it is
  passing,  // for the life of the instance's memory
  lasting,  // kept while the server is down
};

// `path` is relative to the data directory.
[[nodiscard]] file_kind kind_of_file(std::string_view path);

struct file_owner {
  std::uint64_t number;    // of the instance
  std::uint32_t database;  // its OID; 0: for the whole server
  std::string_view library;
  bool is_newest;  // no later instance has its lasting files
};

// Writes the path of this instance's file into `to`, with a null at its end; truncates it to fit.
// For a path that is not common.
void write_own_path(std::string_view path, const file_owner &owner, std::span<char> to);

// The instance that a file in passing_folder belongs to; 0: none.
inline constexpr const char *passing_folder = "pg_stat_tmp";
[[nodiscard]] std::uint64_t owner_of_passing_file(std::string_view name);

// Is it a file in lasting_folders of the library's instances for this database?
inline constexpr const char *lasting_folders[] = {"pg_stat", "global", "."};
[[nodiscard]] bool is_lasting_file_of(std::string_view name, std::uint32_t database,
                                      std::string_view library);

}  // namespace dynpgext::model
