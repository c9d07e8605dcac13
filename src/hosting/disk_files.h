// The files of hosted libraries on the disk, see model/instance_files.h.
#pragma once

#include "pg/server.h"

namespace dynpgext::hosting {

// The instances, of this run of the server or of an earlier one, that have passing files.
[[nodiscard]] std::vector<uint64> owners_of_passing_files();
void remove_passing_files(uint64 number) noexcept;

// Of the library's instances for this database.
void remove_lasting_files(Oid database, std::string_view library);

}  // namespace dynpgext::hosting
