// What belongs to an extension.
#pragma once

#include <string>

#include "pg/scan.h"

namespace dynpgext::pg {

// Calls f(classid, objid) for each member of the extension.  C, for within one call(): nothing is
// thrown, and an ERROR leaves the scan to the server.  AccessShareLock on pg_depend meanwhile.
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

// What the column of an object's row says that `column` names for its kind, such as its owner;
// InvalidOid: there is no such column, or the object is gone.  The same rules.
[[nodiscard]] Oid oid_of_member(Oid classid, Oid object, AttrNumber (*column)(Oid classid));

// As the server describes an object, the same whatever the search_path is: its kind and its name.
// Empty: it is gone.  In a transaction.
[[nodiscard]] std::string description_of(Oid classid, Oid object);

// The schemas that members are in, each once, but for pg_catalog; the same rules.
[[nodiscard]] List *schemas_of_members(Oid extension);

}  // namespace dynpgext::pg
