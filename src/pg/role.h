// Roles and their rights.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// InvalidOid if there is none.
[[nodiscard]] Oid role_oid(const std::string &name);
// Empty if there is none.  Opens its own transaction if necessary; also empty if that is
// impossible.
[[nodiscard]] std::string role_name(Oid role);
[[nodiscard]] Oid current_role();
[[nodiscard]] Oid session_role();

[[nodiscard]] bool is_superuser();
[[nodiscard]] bool is_superuser(Oid role);
// May it log in?
[[nodiscard]] bool has_login(Oid role);
// May it connect to this database?
[[nodiscard]] bool may_connect(Oid role);
// The owner of this database, or another one; InvalidOid: no such database.
[[nodiscard]] Oid database_owner(Oid database = MyDatabaseId);
// Has the role all rights of the other one, as by SET ROLE?
[[nodiscard]] bool may_become(Oid member, Oid role);
// The same for all roles with the member's privileges.  From PostgreSQL 16 on a membership can give
// privileges without SET ROLE, or the reverse: two in sequence can each be of another kind.
[[nodiscard]] bool may_become_with_heirs(Oid member, Oid role);
// Is it a superuser, or has it the privileges of the database's owner?  False if there is no such
// database.
[[nodiscard]] bool owns_database(Oid role, Oid database);
// Could it run a command on the database, possibly after SET ROLE: DROP, RENAME, SET TABLESPACE,
// and, if `copies`, CREATE DATABASE with it as the template?
[[nodiscard]] bool may_command_database(Oid role, Oid database, bool copies);
// May it call dynpgext.register() or apply()?
[[nodiscard]] bool may_register(Oid role);
// May it call dynpgext.end_restore()?
[[nodiscard]] bool may_end_restore(Oid role);
// May the registering role decide for the whole server?  In the extension's own script that role is
// its owner: the script of a trusted extension runs as a superuser, whoever creates it.
[[nodiscard]] bool decides_for_server(const std::string &extension);
// Does the current role own the extension, or may it become the owner?
[[nodiscard]] bool owns_extension(const std::string &extension);

// Tables, views and sequences of the extension on which its owner has no privileges, as named in
// SQL.
[[nodiscard]] std::vector<std::string> tables_closed_to_owner(const std::string &extension);

}  // namespace dynpgext::pg
