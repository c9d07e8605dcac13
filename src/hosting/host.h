// What a DBA can have the server host.
#pragma once

#include "catalog/hosted.h"
#include "hosting/block.h"

namespace dynpgext::hosting {

// Hosts the library for this transaction, and from its commit on for all; this session has it
// loaded then. Returns its state.  Errors, beside those of its _PG_init: 0A000 it cannot be hosted,
// 42710 it is already, 42501 dynpgext.allowed_extensions, 53000 no slot for its keeper, 55000 it is
// loaded here.
std::string host(const catalog::store &store, catalog::hosted_row row);
// False where this database does not have it hosted.
bool unhost(const catalog::store &store, const std::string &library);
// Anew: from the present file, with the present settings of the server's start.
std::string rehost(const catalog::store &store, const std::string &library);
// Loads into this session what others have by now.
int attach_hosted();

// Before a commit that has dropped dynpgext from this database.
void unhost_all();

// In a visit, with a transaction open: what this database has hosted is, and nothing else is.
void follow_rows(const catalog::store &store);

}  // namespace dynpgext::hosting
