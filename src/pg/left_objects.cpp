#include "pg/left_objects.h"

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

// What is in a schema depends on it, but for what is a part of something else that does.
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
    const ObjectAddress address{found.classid, found.object, 0};
    // the same whatever the search_path is
    const char *what = call([&address] {
      const char *kind = getObjectTypeDescription(&address, true);
      const char *name = getObjectIdentity(&address, true);
      const bool is_there = kind != nullptr && name != nullptr;
      return is_there ? static_cast<const char *>(psprintf("%s %s", kind, name)) : nullptr;
    });
    // one that has just been dropped is nothing
    if (what != nullptr) return {"role \"" + role_name(found.owner) + '"', what};
  }
  return {};
}

// ---- what has been found ----------------------------------------------------------------------

struct known_look {
  Oid schema;
  Oid extension;
  Oid role;
  left_object found;
};

constinit std::vector<known_look> *known = nullptr;
constinit bool is_up_to_date = false;

// Whatever is found by its name in a schema, and whoever may be its owner.
constexpr SysCacheIdentifier caches[] = {PROCOID,     OPEROID,   TYPEOID,        RELOID,
                                         COLLOID,     CONVOID,   CLAOID,         OPFAMILYOID,
                                         TSPARSEROID, TSDICTOID, TSTEMPLATEOID,  TSCONFIGOID,
                                         STATEXTOID,  AUTHOID,   AUTHMEMROLEMEM, DATABASEOID};

void follow_changes() {
  if (known != nullptr) return;
  call([] {
    for (const SysCacheIdentifier cache : caches)
      CacheRegisterSyscacheCallback(
          cache, [](Datum, auto, uint32) { is_up_to_date = false; }, Datum{0});
  });
  known = new std::vector<known_look>;
}

}  // namespace

left_object left_in_schema(const std::string &extension, Oid role) {
  const std::optional<extension_facts> facts = find_extension(extension);
  if (!facts || facts->schema == PG_CATALOG_NAMESPACE) return {};
  const Oid schema = facts->schema;
  const Oid id = extension_oid(extension.c_str());
  follow_changes();
  if (!is_up_to_date) known->clear();
  for (const known_look &k : *known)
    if (k.schema == schema && k.extension == id && k.role == role) return k.found;
  is_up_to_date = true;  // not any more, if something changes while it is looked at
  left_object found = look(schema, id, role);
  if (is_up_to_date) known->push_back({schema, id, role, found});
  return found;
}

}  // namespace dynpgext::pg
