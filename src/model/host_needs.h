// What a library needs to be hosted, and whether it can be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/elf.h"
#include "model/host_symbols.h"

namespace dynpgext::model {

enum class verdict : std::uint8_t {
  hosted,   // it works as if it were preloaded
  limited,  // something of it has no effect
  refused
};
[[nodiscard]] const char *name_of(verdict v);

struct host_finding {
  std::string need;
  std::string detail;  // for people
  dynpgext::model::verdict verdict = verdict::hosted;
};

// The first one is the library as a whole.  `server` is the machine that the server runs on.
[[nodiscard]] std::vector<host_finding> host_needs(const elf::read_result &library,
                                                   std::optional<elf::machine> server);

// Why it is refused, each need with its reason; empty: it is not.
[[nodiscard]] std::string refusal_of(const std::vector<host_finding> &findings);

}  // namespace dynpgext::model
