// Hosting as the DBA uses it.
#pragma once

#include "catalog/hosted.h"
#include "hosting/block.h"

namespace dynpgext::hosting {

// Hosts the library for this transaction, and from its commit on for all; this session then has it
// loaded.  Returns its state.  Errors, besides those of its _PG_init: 0A000 it cannot be hosted,
// 42710 it is already hosted, 42501 dynpgext.allowed_extensions, 53000 no slot for its keeper,
// 55000 it is loaded here.
std::string host(const catalog::store &store, catalog::hosted_row row);
// False if this database does not host it.
bool unhost(const catalog::store &store, const std::string &library);
// Hosts it anew, from the present file, with the present values of start-time settings.
std::string rehost(const catalog::store &store, const std::string &library);
// Loads the libraries hosted since into this session.
int attach_hosted();

// Before a commit that has dropped dynpgext from this database.
void unhost_all();

// In a visit, with a transaction open: hosts exactly the rows of this database; nullptr: it does
// not have dynpgext.
void follow_rows(const catalog::store *current);

}  // namespace dynpgext::hosting
