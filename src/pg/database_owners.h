// The owners of a database since dynpgext was created in it.
//
// The owner of a database decides the meaning of names in it, and leaves its objects to the next
// owner.  So owners are recorded, each once, in order: as a setting of the bootstrap superuser in
// that database, "dynpgext_database.owners" (see pg/database_mark.h for such settings), also
// because nobody can lock it against dynpgext.  The list is valid for the cluster in which it was
// made: elsewhere OIDs mean other roles.
//
// A visit records the owner, and so do a registration, a run of a command, and, if the library is
// loaded, the command that changes the owner; a command that copies the database records the owners
// of the template.  The first visit to another copy records possible owners of the template.  A
// temporary owner in between, in a session without the library, goes unnoticed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

struct noted_owner {
  Oid role;
  bool of_template;  // owned the template of this copy, but not the copy
};
// All recorded owners, with the present one in its place, or last.  In a transaction.
[[nodiscard]] std::vector<noted_owner> database_owners();
// Their OIDs as text, and back.
[[nodiscard]] std::string text_of(std::span<const noted_owner> owners);
[[nodiscard]] std::vector<Oid> owners_in(std::string_view text);
// Records the present owner, effective with the commit; not in recovery, nor for a database without
// a mark.  Waits for concurrent calls.
void note_database_owner();
[[nodiscard]] bool is_database_owner_noted();  // or there is nothing to do
// The same for another database, with given owners.
void note_database_owners(Oid database, const std::vector<Oid> &owners);
// Records the owners of `from`, past and present, for `to`, a copy of it.
void note_owners_of_copy(Oid from, Oid to);
// The same for this database if the command that copied it was not seen.  It may be a copy of the
// database with one of these marks, or of any closed one: those have never been visited.
void note_owners_of_unseen_copy(const std::vector<std::string> &marks);
// Removes the list, effective with the commit.
void drop_database_owners();

}  // namespace dynpgext::pg
