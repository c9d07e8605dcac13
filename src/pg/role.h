// Roles, and what they may do.
#pragma once

#include <string>
#include <vector>

#include "pg/border.h"

namespace dynpgext::pg {

// InvalidOid where there is none.
[[nodiscard]] Oid role_oid(const std::string &name);
// Empty where there is none.  In a transaction of its own where none is open; empty where that
// cannot be, too.
[[nodiscard]] std::string role_name(Oid role);
[[nodiscard]] Oid current_role();
[[nodiscard]] Oid session_role();

[[nodiscard]] bool is_superuser();
[[nodiscard]] bool is_superuser(Oid role);
// May it log in?
[[nodiscard]] bool has_login(Oid role);
// May it connect to this database?
[[nodiscard]] bool may_connect(Oid role);
// Who owns this database, or another one; InvalidOid: nobody, for there is none.
[[nodiscard]] Oid database_owner(Oid database = MyDatabaseId);
// May the role do all that the other one may, as by SET ROLE?
[[nodiscard]] bool may_become(Oid member, Oid role);
// The same, and so may all that have the member's privileges.  From PostgreSQL 16 on a membership
// can give privileges and not SET ROLE, or the other way round: of two in a row each the other way.
[[nodiscard]] bool may_become_with_heirs(Oid member, Oid role);
// Is it a superuser, or has it the privileges of the database's owner?  False where there is no
// such database.
[[nodiscard]] bool owns_database(Oid role, Oid database);
// Could it do a command on the database, perhaps after SET ROLE: DROP, RENAME, SET TABLESPACE, and,
// if `copies`, CREATE DATABASE with it as the template?
[[nodiscard]] bool may_command_database(Oid role, Oid database, bool copies);
// May it call dynpgext.register() or apply()?
[[nodiscard]] bool may_register(Oid role);
// May it call dynpgext.end_restore()?
[[nodiscard]] bool may_end_restore(Oid role);
// May whoever registers for the extension decide for the whole server?  In the extension's own
// script that is its owner: the script of a trusted extension runs as a superuser, whoever creates
// it.
[[nodiscard]] bool decides_for_server(const std::string &extension);
// Does the current role own the extension, or may it become who does?
[[nodiscard]] bool owns_extension(const std::string &extension);

// Tables, views and sequences of the extension that its owner may do nothing with, as they are
// named in SQL.
[[nodiscard]] std::vector<std::string> tables_closed_to_owner(const std::string &extension);

}  // namespace dynpgext::pg
