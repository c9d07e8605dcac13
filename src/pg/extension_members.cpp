#include "pg/extension_members.h"

#include "pg/border.h"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace dynpgext::pg {

Oid oid_of_member(Oid classid, Oid object, AttrNumber (*column)(Oid classid)) {
  if (!is_objectclass_supported(classid)) return InvalidOid;
  const AttrNumber wanted = column(classid);
  if (wanted == InvalidAttrNumber) return InvalidOid;
  const Relation catalog = table_open(classid, AccessShareLock);
  const HeapTuple row = get_catalog_object_by_oid(catalog, get_object_attnum_oid(classid), object);
  bool is_null = true;
  Datum value = 0;
  if (HeapTupleIsValid(row)) value = heap_getattr(row, wanted, RelationGetDescr(catalog), &is_null);
  table_close(catalog, AccessShareLock);
  return is_null ? InvalidOid : DatumGetObjectId(value);
}

std::string description_of(Oid classid, Oid object) {
  const ObjectAddress address{classid, object, 0};
  const char *found = call([&address] {
    const char *kind = getObjectTypeDescription(&address, true);
    const char *name = getObjectIdentity(&address, true);
    const bool is_there = kind != nullptr && name != nullptr;
    return is_there ? static_cast<const char *>(psprintf("%s %s", kind, name)) : nullptr;
  });
  return found == nullptr ? "" : found;
}

List *schemas_of_members(Oid extension) {
  List *schemas = NIL;
  for_each_member(extension, [&schemas](Oid classid, Oid member) {
    const Oid schema = oid_of_member(classid, member, get_object_attnum_namespace);
    if (OidIsValid(schema) && schema != PG_CATALOG_NAMESPACE && !isTempOrTempToastNamespace(schema))
      schemas = list_append_unique_oid(schemas, schema);
  });
  return schemas;
}

}  // namespace dynpgext::pg
