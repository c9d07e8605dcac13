#include "pg/extension_members.h"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace dynpgext::pg {

List *schemas_of_members(Oid extension) {
  List *schemas = NIL;
  for_each_member(extension, [&schemas](Oid classid, Oid member) {
    if (!is_objectclass_supported(classid)) return;
    const ObjectAddress address{classid, member, 0};
    const Oid schema = get_object_namespace(&address);
    if (OidIsValid(schema) && schema != PG_CATALOG_NAMESPACE && !isTempOrTempToastNamespace(schema))
      schemas = list_append_unique_oid(schemas, schema);
  });
  return schemas;
}

}  // namespace dynpgext::pg
