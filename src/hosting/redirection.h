// Redirects a library's references to the server.  Changes only the library's own memory: the
// server and all other libraries stay as they are.
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

// The references to redirect in this file.  0A000 with the reason if the library cannot be hosted.
[[nodiscard]] redirection redirection_of(const std::string &library, const library_file &file);

// The same for a library that a hosted one loads: it need not have a _PG_init.
[[nodiscard]] redirection redirection_of_second(const std::string &library,
                                                const library_file &file);

// Opens the library like the server, but runs only its constructors, and redirects its references.
// `address_of` has an address for each symbol.  55000 if the file is another one.
void open_redirected(const std::string &path, const pg::file_identity &identity,
                     const redirection &what, int place);

}  // namespace dynpgext::hosting
