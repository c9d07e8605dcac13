// Who has owned a database since dynpgext is in it.
//
// Whoever owns a database decides what names in it mean, and leaves what he has made there to the
// next owner.  So those who have owned it are noted, each once, in the order in which they came:
// as a setting of the bootstrap superuser in that database, "dynpgext_database.owners", for what is
// said of such settings in pg/database_mark.h, and because nobody can lock it away from dynpgext.
// The list holds for the cluster in which it was made: elsewhere OIDs are those of other roles.
//
// A visit notes the owner, and so does a registration, a run of a command, and, where the library
// is loaded, the command that changes the owner; one that copies the database notes who has owned
// the template.  The first visit to another copy notes who may have owned the template.  Nothing
// notices one who has had the database in between, in a session without the library.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

struct noted_owner {
  Oid role;
  bool of_template;  // has owned the database that this one is a copy of, but not this one
};
// All that are noted of it, the present one at its place, or last.  In a transaction.
[[nodiscard]] std::vector<noted_owner> database_owners();
// Their OIDs as text, and of a text.
[[nodiscard]] std::string text_of(std::span<const noted_owner> owners);
[[nodiscard]] std::vector<Oid> owners_in(std::string_view text);
// Notes the present one, which counts with the commit; not in recovery, nor of a database without a
// mark.  Waits for others who do so.
void note_database_owner();
[[nodiscard]] bool is_database_owner_noted();  // or there is nothing to do
// The same of a database of which this is known.
void note_database_owners(Oid database, const std::vector<Oid> &owners);
// What is noted of `from`, and its owner, is noted of `to`, a copy of it.
void note_owners_of_copy(Oid from, Oid to);
// The same of this database, where no command has been seen that copied it.  It may be a copy of
// the one that has one of these marks, and of any that is closed: those have never been looked at.
void note_owners_of_unseen_copy(const std::vector<std::string> &marks);
// With the commit there is no list any more.
void drop_database_owners();

}  // namespace dynpgext::pg
