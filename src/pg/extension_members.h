// What belongs to an extension.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

// Calls f(classid, objid) for each member of the extension.  C, for within one call(): nothing is
// thrown, and an ERROR leaves the scan to the server.  AccessShareLock on pg_depend meanwhile.
template <class F>
void for_each_member(Oid extension, F f) {
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(ExtensionRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(extension));
  const SysScanDesc scan =
      systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    const auto *member = reinterpret_cast<Form_pg_depend>(GETSTRUCT(row));
    if (member->deptype == DEPENDENCY_EXTENSION) f(member->classid, member->objid);
  }
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
}

}  // namespace dynpgext::pg
