// The members of an extension.
#pragma once

#include <string>

#include "pg/scan.h"

namespace dynpgext::pg {

// Calls f(classid, objid) for each member of the extension.  C, for use within one call(): throws
// nothing, and an ERROR leaves the scan to the server.  AccessShareLock on pg_depend meanwhile.
template <class F>
void for_each_member(Oid extension, F f) {
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  for_each_row(depend, DependReferenceIndexId, {Anum_pg_depend_refclassid, ExtensionRelationId},
               {Anum_pg_depend_refobjid, extension}, [&f](HeapTuple row) {
                 const auto *member = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
                 if (member->deptype == DEPENDENCY_EXTENSION) f(member->classid, member->objid);
               });
  table_close(depend, AccessShareLock);
}

// The value of a column in an object's row, such as its owner; `column` returns the column for the
// kind of object.  InvalidOid: there is no such column, or the object is gone.  The same rules.
[[nodiscard]] Oid oid_of_member(Oid classid, Oid object, AttrNumber (*column)(Oid classid));

// The server's description of an object, independent of the search_path: its kind and its name.
// Empty: it is gone.  In a transaction.
[[nodiscard]] std::string description_of(Oid classid, Oid object);

// The schemas of the members, each once, except pg_catalog; the same rules.
[[nodiscard]] List *schemas_of_members(Oid extension);

}  // namespace dynpgext::pg
