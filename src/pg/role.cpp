#include "pg/role.h"

#include "pg/relation.h"

namespace dynpgext::pg {

Oid role_oid(const std::string &name) {
  const char *text = name.c_str();
  return call([=] { return get_role_oid(text, true); });
}

bool is_superuser() {
  return call([] { return superuser(); });
}

bool may_become(Oid role) {
  return call([=] {
#if PG_VERSION_NUM >= 160000
    return member_can_set_role(GetUserId(), role);
#else
    return is_member_of_role(GetUserId(), role);
#endif
  });
}

bool decides_for_server(const std::string &extension) {
  if (extension_in_creation() != extension) return is_superuser();
  const Oid owner = extension_owner(extension_oid(extension.c_str()));
  return call([=] { return superuser_arg(owner); });
}

bool owns_extension(const std::string &extension) {
  const Oid id = extension_oid(extension.c_str());
  if (!OidIsValid(id)) return false;
  const Oid owner = extension_owner(id);
  return call([=] { return has_privs_of_role(GetUserId(), owner); });
}

}  // namespace dynpgext::pg
