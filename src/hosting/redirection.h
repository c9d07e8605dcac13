// A library's references to the server, pointed elsewhere.  Only the library's own memory changes:
// the server and all other libraries go on as they are.
#pragma once

#include "hosting/library_file.h"

namespace dynpgext::hosting {

struct redirected_reference {
  std::string symbol;
  uint64 place;  // before the library is loaded
  int64 addend;
};
struct redirection {
  std::vector<redirected_reference> references;
  model::elf::address_range read_only;
};

// What is to be redirected in this file.  0A000 where the library cannot be hosted, with the
// reason.
[[nodiscard]] redirection redirection_of(const std::string &library, const library_file &file);

// The same of a library that a hosted one loads: it need not have a _PG_init.
[[nodiscard]] redirection redirection_of_second(const std::string &library,
                                                const library_file &file);

// Opens the library as the server would, but runs nothing of it beside its constructors, and
// redirects. `address_of` has an address for each symbol.  55000 where the file is not the one that
// is named.
void open_redirected(const std::string &path, const pg::file_identity &identity,
                     const redirection &what, int place);

}  // namespace dynpgext::hosting
