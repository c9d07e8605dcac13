// The symbols of the server that a library for shared_preload_libraries may refer to: what they are
// for, and what becomes of the reference when dynpgext hosts the library.
//
// This is the one table of them.  A symbol that it does not have is left alone, unless its name
// says that it is about shared memory or the start of the server: a library with such a one is
// refused.
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
  start,  // it looks whether the server is starting
  resource_manager,
  statistics_kind,
  unknown
};
[[nodiscard]] const char *name_of(host_need need);

enum class treatment : std::uint8_t {
  function,   // the library calls a function of dynpgext's in its place
  variable,   // the library has a variable of its own in its place
  as_it_is,   // it does what it says at any time
  limited,    // the same, but not all of it has an effect then; `note` says why
  forbidden,  // the library is refused; `note` says why
};

struct host_symbol {
  std::string_view name;
  int since;  // the first version of PostgreSQL that has it, as far as dynpgext supports that: from
              // 15
  host_need need;
  treatment what;
  std::string_view
      note;  // for treatments that have one: a sentence; otherwise what is done, in short
};

[[nodiscard]] std::span<const host_symbol> host_symbols();
// nullptr: the table does not have it.
[[nodiscard]] const host_symbol *find_host_symbol(std::string_view name);

// By its name alone: is it about shared memory, or the start of the server?
[[nodiscard]] bool concerns_start(std::string_view name);
// A variable that others set to be called.
[[nodiscard]] bool is_hook(std::string_view name);

}  // namespace dynpgext::model
