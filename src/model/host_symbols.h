// The symbols of the server, and of the C library, that a library for shared_preload_libraries may
// use: their purpose, and their treatment when dynpgext hosts the library.
//
// This is the only table of them.  A reference to another symbol is not changed, unless its name is
// about shared memory or the start of the server: then the library is refused.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace dynpgext::model {

enum class host_need : std::uint8_t {
  memory,
  lock_tranches,
  static_workers,
  dynamic_workers,
  hooks,
  settings,
  other_libraries,
  files,
  start,  // to check whether the server is starting
  resource_manager,
  statistics_kind,
  unknown
};
[[nodiscard]] const char *name_of(host_need need);

enum class treatment : std::uint8_t {
  function,   // replaced with a function of dynpgext
  variable,   // replaced with a variable of the library's own
  as_it_is,   // works at any time
  limited,    // the same, but some of it has no effect; `note` has the reason
  forbidden,  // the library is refused; `note` has the reason
};

struct host_symbol {
  std::string_view name;
  int since;  // first version of PostgreSQL that has it, among the supported ones: from
              // 15
  host_need need;
  treatment what;
  std::string_view
      note;  // a sentence for treatments with a reason; otherwise the replacement, in short
};

[[nodiscard]] std::span<const host_symbol> host_symbols();
// nullptr: not in the table.
[[nodiscard]] const host_symbol *find_host_symbol(std::string_view name);

// By its name alone: is it about shared memory, or the start of the server?
[[nodiscard]] bool concerns_start(std::string_view name);
// A variable that libraries set to be called.
[[nodiscard]] bool is_hook(std::string_view name);

}  // namespace dynpgext::model
