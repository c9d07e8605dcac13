// The needs of a library for hosting, and whether it can be hosted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/elf.h"
#include "model/host_symbols.h"

namespace dynpgext::model {

enum class host_verdict : std::uint8_t {
  hosted,   // works as if it were preloaded
  limited,  // some of it has no effect
  refused
};
[[nodiscard]] const char *name_of(host_verdict v);

struct host_finding {
  std::string need;
  std::string detail;  // for people
  host_verdict verdict = host_verdict::hosted;
};

// The first one is the library as a whole. `server` is the machine of the server.
[[nodiscard]] std::vector<host_finding> host_needs(const elf::read_result &library,
                                                   std::optional<elf::machine> server);

// Without the library as a whole: its references.
[[nodiscard]] std::vector<host_finding> references_of(const elf::image &library);

// The reasons for a refusal, one for each need; empty: it is not refused.
[[nodiscard]] std::string refusal_of(const std::vector<host_finding> &findings);

}  // namespace dynpgext::model
