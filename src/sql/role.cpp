// The type of columns that keep roles by OID and are dumped by name.
#include "pg/role.h"

#include "pg/relation.h"
#include "sql/function.h"

using namespace dynpgext;

// One that does not exist keeps its name: a restore goes on without it.
DYNPGEXT_SQL_FUNCTION(dynpgext_role_in) {
  return pg::entry([=] {
    const std::string name = DatumGetCString(fcinfo->args[0].value);
    if (name.size() >= NAMEDATALEN)
      throw pg::error(ERRCODE_NAME_TOO_LONG,
                      "the name of a role has " + std::to_string(name.size()) + " bytes");
    const Oid role = pg::role_oid(name);
    return pg::role_datum({role, name});
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_role_out) {
  return pg::entry([=] {
    const pg::role_reference role = pg::role_of_datum(fcinfo->args[0].value);
    const std::string now = pg::role_name(role.role);
    const char *name = now.empty() ? role.name.c_str() : now.c_str();
    return pg::call([=] { return CStringGetDatum(pstrdup(name)); });
  });
}
