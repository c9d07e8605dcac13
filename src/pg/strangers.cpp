#include "pg/strangers.h"

#include "pg/extension_members.h"
#include "pg/relation.h"
#include "pg/role.h"

extern "C" {
#include "catalog/objectaddress.h"
#include "catalog/pg_attribute.h"
#include "utils/regproc.h"
}

namespace dynpgext::pg {
namespace {

constexpr AclMode decides_for_table = versions::privileges_that_run_code_of_a_table;

// A role that can change something, and the first object found that it can change.
struct candidate {
  Oid role;  // ACL_ID_PUBLIC: everybody
  Oid classid;
  Oid object;
  AclMode privilege;  // ACL_NO_RIGHTS: the owner
};

// A list of candidate *, each role once.  The following is C, within one call().
using candidates = List *;

void add(candidates *all, const candidate &c) {
  ListCell *cell;
  foreach (cell, *all)
    if (static_cast<const candidate *>(lfirst(cell))->role == c.role) return;
  auto *copy = static_cast<candidate *>(palloc(sizeof(candidate)));
  *copy = c;
  *all = lappend(*all, copy);
}

// Roles with one of the privileges.
void add_grantees(candidates *all, Oid classid, Oid object, bool has_acl, Datum acl,
                  AclMode privileges) {
  if (!has_acl) return;
  Datum *items = nullptr;
  int count = 0;
  int16 length = 0;
  bool by_value = false;
  char alignment = '\0';
  get_typlenbyvalalign(ACLITEMOID, &length, &by_value, &alignment);
  deconstruct_array(DatumGetAclPCopy(acl), ACLITEMOID, length, by_value, alignment, &items, nullptr,
                    &count);
  for (int i = 0; i < count; ++i) {
    const AclItem *item = DatumGetAclItemP(items[i]);
    const AclMode given = ACLITEM_GET_PRIVS(*item) & privileges;
    if (given != 0) add(all, {item->ai_grantee, classid, object, given});
  }
}

void add_of_schema(candidates *all, Oid schema) {
  const HeapTuple row = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
  if (!HeapTupleIsValid(row)) return;
  add(all, {reinterpret_cast<Form_pg_namespace>(GETSTRUCT(row))->nspowner, NamespaceRelationId,
            schema, ACL_NO_RIGHTS});
  bool is_null = false;
  const Datum acl = SysCacheGetAttr(NAMESPACEOID, row, Anum_pg_namespace_nspacl, &is_null);
  add_grantees(all, NamespaceRelationId, schema, !is_null, acl, ACL_CREATE);
  ReleaseSysCache(row);
}

// REFERENCES can be granted on columns.
void add_of_columns(candidates *all, Oid table) {
  if ((decides_for_table & ACL_REFERENCES) == 0) return;
  const Relation columns = table_open(AttributeRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(table));
  const SysScanDesc scan =
      systable_beginscan(columns, AttributeRelidNumIndexId, true, nullptr, 1, &key);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    bool is_null = false;
    const Datum acl =
        heap_getattr(row, Anum_pg_attribute_attacl, RelationGetDescr(columns), &is_null);
    add_grantees(all, RelationRelationId, table, !is_null, acl, ACL_REFERENCES);
  }
  systable_endscan(scan);
  table_close(columns, AccessShareLock);
}

bool can_have_triggers(char kind) {
  return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_VIEW ||
         kind == RELKIND_FOREIGN_TABLE;
}

void add_of_relation(candidates *all, Oid relation) {
  const HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(row)) return;
  const auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
  add(all, {form->relowner, RelationRelationId, relation, ACL_NO_RIGHTS});
  if (can_have_triggers(form->relkind)) {
    bool is_null = false;
    const Datum acl = SysCacheGetAttr(RELOID, row, Anum_pg_class_relacl, &is_null);
    add_grantees(all, RelationRelationId, relation, !is_null, acl, decides_for_table);
    add_of_columns(all, relation);
  }
  ReleaseSysCache(row);
}

// For any other object with an owner, such as a domain, to which its owner may add a CHECK.
void add_of_object(candidates *all, Oid classid, Oid object) {
  const Oid owner = oid_of_member(classid, object, get_object_attnum_owner);
  if (OidIsValid(owner)) add(all, {owner, classid, object, ACL_NO_RIGHTS});
}

void add_of_function(candidates *all, Oid function) {
  const HeapTuple row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(row)) return;
  add(all, {reinterpret_cast<Form_pg_proc>(GETSTRUCT(row))->proowner, ProcedureRelationId, function,
            ACL_NO_RIGHTS});
  ReleaseSysCache(row);
}

// The row type of a table, and an array type, which have the owner of another object.  Some servers
// also make them members (17 and 19 do).
bool is_part(Oid type) {
  if (OidIsValid(get_element_type(type))) return true;
  const Oid relation = get_typ_typrelid(type);
  return OidIsValid(relation) && get_rel_relkind(relation) != RELKIND_COMPOSITE_TYPE;
}

candidates of_members(Oid extension) {
  candidates all = NIL;
  for_each_member(extension, [&all](Oid classid, Oid member) {
    switch (classid) {
      case RelationRelationId: add_of_relation(&all, member); break;
      case ProcedureRelationId: add_of_function(&all, member); break;
      case NamespaceRelationId: add_of_schema(&all, member); break;
      case TypeRelationId:
        if (!is_part(member)) add_of_object(&all, classid, member);
        break;
      default: add_of_object(&all, classid, member); break;
    }
  });
  // a role that may create objects in a schema may replace those called by name
  const List *schemas = schemas_of_members(extension);
  for (int i = 0; i < list_length(schemas); ++i) add_of_schema(&all, list_nth_oid(schemas, i));
  return all;
}

std::string text_of(const candidate &c) {
  const bool is_table = c.classid == RelationRelationId &&
                        call([&c] { return can_have_triggers(get_rel_relkind(c.object)); });
  const bool is_known =
      c.classid == NamespaceRelationId || c.classid == ProcedureRelationId || is_table;
  if (!is_known) {
    const std::string what = description_of(c.classid, c.object);
    return "change " + (what.empty() ? "a member of it" : what);
  }
  const char *name = call([&c] {
    if (c.classid == NamespaceRelationId)
      return static_cast<const char *>(get_namespace_name(c.object));
    if (c.classid == ProcedureRelationId)
      return static_cast<const char *>(format_procedure_qualified(c.object));
    const char *table = get_rel_name(c.object);
    if (table == nullptr) return table;
    return static_cast<const char *>(
        quote_qualified_identifier(get_namespace_name(get_rel_namespace(c.object)), table));
  });
  const std::string quoted = "\"" + std::string(name == nullptr ? "" : name) + '"';
  if (c.classid == NamespaceRelationId) return "create objects in schema " + quoted;
  if (c.classid == ProcedureRelationId) return "replace function " + quoted;
  if (c.privilege == ACL_REFERENCES) return "make foreign keys to table " + quoted;
  return "put triggers on table " + quoted;
}

// The only member of pg_database_owner is the owner of the database.
Oid actual(Oid role) { return role == ROLE_PG_DATABASE_OWNER ? database_owner() : role; }

stranger find_stranger(const List *all, Oid role) {
  for (int i = 0; i < list_length(all); ++i) {
    const auto &c = *static_cast<const candidate *>(list_nth(all, i));
    if (c.role == ACL_ID_PUBLIC) return {"everybody", text_of(c)};
    if (is_stranger(c.role, role)) return {"role \"" + role_name(actual(c.role)) + '"', text_of(c)};
  }
  return {};
}

}  // namespace

bool is_stranger(Oid who, Oid role) {
  const Oid actually = actual(who);
  if (is_superuser(actually) || may_become_with_heirs(actually, role)) return false;
  return !role_name(actually).empty();  // a dropped role does not count
}

stranger stranger_in_schema(const std::string &extension, Oid role) {
  const std::optional<extension_facts> found = find_extension(extension);
  if (!found || found->schema == PG_CATALOG_NAMESPACE) return {};
  const List *all = call([schema = found->schema] {
    candidates of_schema = NIL;
    add_of_schema(&of_schema, schema);
    return of_schema;
  });
  return find_stranger(all, role);
}

stranger stranger_in_members(const std::string &extension, Oid role) {
  const Oid id = extension_oid(extension.c_str());
  if (!OidIsValid(id)) return {};
  return find_stranger(call([id] { return of_members(id); }), role);
}

bool has_tables(const std::string &extension) {
  const Oid id = extension_oid(extension.c_str());
  return OidIsValid(id) && call([id] {
           bool found = false;
           for_each_member(id, [&found](Oid classid, Oid member) {
             found = found ||
                     (classid == RelationRelationId && can_have_triggers(get_rel_relkind(member)));
           });
           return found;
         });
}

}  // namespace dynpgext::pg
