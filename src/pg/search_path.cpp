#include "pg/search_path.h"

#include "pg/extension_members.h"
#include "pg/left_objects.h"
#include "pg/relation.h"
#include "pg/strangers.h"

namespace dynpgext::pg {

std::string schema_name(Oid schema) {
  const char *name = call([=] { return static_cast<const char *>(get_namespace_name(schema)); });
  return name == nullptr ? std::string() : name;
}

std::string schemas_of(const std::string &extension) {
  const std::optional<extension_facts> found = find_extension(extension);
  if (!found) return {};
  const char *names = call([schema = found->schema, id = extension_oid(extension.c_str())] {
    StringInfoData text;
    initStringInfo(&text);
    // the extension's own is the first
    const List *all = list_concat_unique_oid(list_make1_oid(schema), schemas_of_members(id));
    for (int i = 0; i < list_length(all); ++i)
      if (const char *name = get_namespace_name(list_nth_oid(all, i)))
        appendStringInfo(&text, "%s%s", i == 0 ? "" : ", ", quote_identifier(name));
    return text.data;
  });
  return names;
}

bool are_called_so_still(const std::string &before, const std::string &now) {
  return call([&] {
    List *then = NIL;
    List *today = NIL;
    if (!SplitIdentifierString(pstrdup(before.c_str()), ',', &then) ||
        !SplitIdentifierString(pstrdup(now.c_str()), ',', &today) || then == NIL || today == NIL)
      return before == now;
    const auto name = [](const List *names, int i) {
      return static_cast<const char *>(list_nth(names, i));
    };
    if (std::strcmp(name(then, 0), name(today, 0)) != 0) return false;
    for (int i = 1; i < list_length(then); ++i) {
      bool is_there = false;
      for (int j = 0; j < list_length(today); ++j)
        is_there = is_there || std::strcmp(name(then, i), name(today, j)) == 0;
      if (!is_there) return false;
    }
    return true;
  });
}

const char *search_path_of_strangers() noexcept { return "pg_catalog, pg_temp"; }

std::string search_path_for(const std::string &extension, Oid role) {
  const std::optional<extension_facts> found = find_extension(extension);
  if (!found)
    throw error(ERRCODE_UNDEFINED_OBJECT, "extension \"" + extension + "\" does not exist");
  const bool is_own = found->schema != PG_CATALOG_NAMESPACE &&
                      !stranger_in_schema(extension, role) && !left_in_schema(extension, role);
  if (!is_own) return search_path_of_strangers();
  const std::string name = schema_name(found->schema);
  return std::string("pg_catalog, ") + call([&name] { return quote_identifier(name.c_str()); }) +
         ", pg_temp";
}

}  // namespace dynpgext::pg
