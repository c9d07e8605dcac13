// What the configuration says of hosting: the library of dynpgext's in session_preload_libraries,
// which loads what is hosted, and dynpgext.hosting_databases, whose rows have to be followed first
// after a start of the server.
#pragma once

#include "hosting/block.h"

namespace dynpgext::hosting {

// Of the current database: puts both there, with ALTER SYSTEM, unless they are there already; the
// server reads them with the commit.  55000 where somebody else manages the settings.
void add_to_sessions();
// Is it listed there, as this process knows the configuration?
[[nodiscard]] bool is_listed();
// It has no library for sessions any more.  What no other database needs goes, too.
void remove_from_sessions();

// The rows of the current database have been followed, in this run of the server.
void note_followed(state::shared &s);
[[nodiscard]] bool is_followed(state::shared &s);
// Until those of all databases have been, as dynpgext.hosting_wait says; false when it took longer.
[[nodiscard]] bool await_databases(state::shared &s);

}  // namespace dynpgext::hosting
