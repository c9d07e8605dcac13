#include "pg/search_path.h"

#include "pg/relation.h"
#include "pg/strangers.h"

namespace dynpgext::pg {

std::string schema_name(Oid schema) {
  const char *name = call([=] { return static_cast<const char *>(get_namespace_name(schema)); });
  return name == nullptr ? std::string() : name;
}

std::string search_path_for(const std::string &extension, Oid role) {
  const std::optional<extension_facts> found = find_extension(extension);
  if (!found)
    throw error(ERRCODE_UNDEFINED_OBJECT, "extension \"" + extension + "\" does not exist");
  std::string path = "pg_catalog";
  if (found->schema != PG_CATALOG_NAMESPACE && !stranger_in_schema(extension, role)) {
    const std::string name = schema_name(found->schema);
    path.append(", ").append(call([&name] { return quote_identifier(name.c_str()); }));
  }
  return path + ", pg_temp";
}

}  // namespace dynpgext::pg
