// Catalog rows by two columns.
#pragma once

#include "pg/server.h"

namespace dynpgext::pg {

struct oid_key {
  int column;
  Oid value;
};

// Calls f(row) for each row of the open catalog with both values, by an index on the two columns.
// C, for use within one call(): throws nothing, and an ERROR leaves the scan to the server.
// `snapshot`: nullptr: the newest.
template <class F>
void for_each_row(Relation catalog, Oid index, const oid_key &first, const oid_key &second, F f,
                  Snapshot snapshot = nullptr) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], static_cast<AttrNumber>(first.column), BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(first.value));
  ScanKeyInit(&keys[1], static_cast<AttrNumber>(second.column), BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(second.value));
  const SysScanDesc scan = systable_beginscan(catalog, index, true, snapshot, 2, keys);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) f(row);
  systable_endscan(scan);
}

}  // namespace dynpgext::pg
