// What a library needs to be hosted, and whether it can be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/elf.h"
#include "model/host_symbols.h"

namespace dynpgext::model {

enum class host_verdict : std::uint8_t {
  hosted,   // it works as if it were preloaded
  limited,  // something of it has no effect
  refused
};
[[nodiscard]] const char *name_of(host_verdict v);

struct host_finding {
  std::string need;
  std::string detail;  // for people
  host_verdict verdict = host_verdict::hosted;
};

// The first one is the library as a whole.  `server` is the machine that the server runs on.
[[nodiscard]] std::vector<host_finding> host_needs(const elf::read_result &library,
                                                   std::optional<elf::machine> server);

// Without the library as a whole: what it refers to.
[[nodiscard]] std::vector<host_finding> references_of(const elf::image &library);

// Why it is refused, each need with its reason; empty: it is not.
[[nodiscard]] std::string refusal_of(const std::vector<host_finding> &findings);

}  // namespace dynpgext::model
