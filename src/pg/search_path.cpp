#include "pg/search_path.h"

#include "pg/relation.h"
#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// Its owner, and who has the privilege; ACL_ID_PUBLIC: everybody.
std::vector<Oid> creators_in(Oid schema) {
  std::vector<Oid> creators;
  const HeapTuple row =
      call([=] { return SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema)); });
  if (!HeapTupleIsValid(row)) return creators;
  creators.push_back(reinterpret_cast<Form_pg_namespace>(GETSTRUCT(row))->nspowner);
  Datum *items = nullptr;
  int count = 0;
  call([&] {
    bool is_null = false;
    const Datum acl = SysCacheGetAttr(NAMESPACEOID, row, Anum_pg_namespace_nspacl, &is_null);
    if (!is_null) {
      int16 length = 0;
      bool by_value = false;
      char alignment = '\0';
      get_typlenbyvalalign(ACLITEMOID, &length, &by_value, &alignment);
      deconstruct_array(DatumGetAclPCopy(acl), ACLITEMOID, length, by_value, alignment, &items,
                        nullptr, &count);
    }
    ReleaseSysCache(row);
  });
  for (int i = 0; i < count; ++i) {
    const AclItem *item = DatumGetAclItemP(items[i]);
    if ((ACLITEM_GET_PRIVS(*item) & ACL_CREATE) != 0) creators.push_back(item->ai_grantee);
  }
  return creators;
}

std::string stranger_in(Oid schema, Oid role) {
  for (Oid creator : creators_in(schema)) {
    if (creator == ACL_ID_PUBLIC) return "everybody";
    // whose only member is the owner of the database
    if (creator == ROLE_PG_DATABASE_OWNER) creator = database_owner();
    if (is_superuser(creator) || may_become_with_heirs(creator, role)) continue;
    // one that has been dropped is nobody
    if (const std::string name = role_name(creator); !name.empty()) return "role \"" + name + '"';
  }
  return {};
}

}  // namespace

std::string stranger_of(const std::string &extension, Oid role) {
  const std::optional<extension_facts> found = find_extension(extension);
  if (!found || found->schema == PG_CATALOG_NAMESPACE) return {};
  return stranger_in(found->schema, role);
}

std::string schema_name(Oid schema) {
  const char *name = call([=] { return static_cast<const char *>(get_namespace_name(schema)); });
  return name == nullptr ? std::string() : name;
}

std::string search_path_for(const std::string &extension, Oid role) {
  const std::optional<extension_facts> found = find_extension(extension);
  if (!found)
    throw error(ERRCODE_UNDEFINED_OBJECT, "extension \"" + extension + "\" does not exist");
  std::string path = "pg_catalog";
  const Oid schema = found->schema;
  if (schema != PG_CATALOG_NAMESPACE && stranger_in(schema, role).empty()) {
    const std::string name = schema_name(schema);
    path.append(", ").append(call([&name] { return quote_identifier(name.c_str()); }));
  }
  return path + ", pg_temp";
}

}  // namespace dynpgext::pg
