#include "pg/left_objects.h"

#include "pg/catalog_changes.h"
#include "pg/extension_members.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/strangers.h"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace dynpgext::pg {
namespace {

struct owned_object {
  Oid owner;
  Oid classid;
  Oid object;
};

// Objects in a schema depend on it, except parts of other objects that do.
List *owned_in_schema(Oid schema, Oid extension) {
  List *found = NIL;
  const Relation depend = table_open(DependRelationId, AccessShareLock);
  for_each_row(depend, DependReferenceIndexId, {Anum_pg_depend_refclassid, NamespaceRelationId},
               {Anum_pg_depend_refobjid, schema}, [&found, schema, extension](HeapTuple tuple) {
                 const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
                 const Oid owner = oid_of_member(row->classid, row->objid, get_object_attnum_owner);
                 const bool is_in_it =
                     OidIsValid(owner) &&
                     oid_of_member(row->classid, row->objid, get_object_attnum_namespace) == schema;
                 if (!is_in_it || getExtensionOfObject(row->classid, row->objid) == extension)
                   return;
                 auto *object = static_cast<owned_object *>(palloc(sizeof(owned_object)));
                 *object = {owner, row->classid, row->objid};
                 found = lappend(found, object);
               });
  table_close(depend, AccessShareLock);
  return found;
}

left_object look(Oid schema, Oid extension, Oid role) {
  const List *all = call([=] { return owned_in_schema(schema, extension); });
  for (int i = 0; i < list_length(all); ++i) {
    const owned_object found = *static_cast<const owned_object *>(list_nth(all, i));
    if (!is_stranger(found.owner, role)) continue;
    std::string what = description_of(found.classid, found.object);
    // ignores one that has just been dropped
    if (!what.empty()) return {"role \"" + role_name(found.owner) + '"', std::move(what)};
  }
  return {};
}

// ---- the cache --------------------------------------------------------------------------------

struct known_look {
  Oid schema;
  Oid extension;
  Oid role;
  left_object found;
};

std::vector<known_look> &known() {
  static auto *const all = new std::vector<known_look>;
  return *all;
}
constinit uint64 known_at = 0;  // see catalog_changes()

}  // namespace

left_object left_in_schema(const std::string &extension, Oid role) {
  const std::optional<extension_facts> facts = find_extension(extension);
  if (!facts || facts->schema == PG_CATALOG_NAMESPACE) return {};
  const Oid schema = facts->schema;
  const Oid id = extension_oid(extension.c_str());
  const uint64 now = catalog_changes();
  if (std::exchange(known_at, now) != now) known().clear();
  for (const known_look &k : known())
    if (k.schema == schema && k.extension == id && k.role == role) return k.found;
  left_object found = look(schema, id, role);
  // unless something has changed meanwhile
  if (catalog_changes() == now) known().push_back({schema, id, role, found});
  return found;
}

}  // namespace dynpgext::pg
