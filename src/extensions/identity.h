// The roles of commands: decided at registration, and recorded.
//
// By hand it is the registering role, or one that it may become; in a script the owner of the
// extension at that time, or a role that the owner may become.  In a script that does not run as a
// superuser, the running role must be able to become it, too.  A superuser is chosen only if a
// superuser names it in the same call.  The decision for a command stays while the command does not
// change, whoever updates or owns the extension by then.  A restore gives the identity named in the
// dump, or none: if the restore has also created dynpgext, see extensions/restore.h.
#pragma once

#include "catalog/store.h"
#include "extensions/declared_by.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// In the script of an extension, before its commands are processed.  PostgreSQL replaces
// "@extowner@" with the role running the script, which in an update need not own the extension.
// This cannot be distinguished from a script that names this role.  So a command never gets the
// running role this way: a known command keeps its role, and a new one gets the owner.  `who` is
// one of the two kinds of scripts.
void read_extowner(const catalog::store &store, const std::string &extension, declared_by who,
                   model::manifest &script);

// The fault of the role that a command names, or would get: a message, or empty.
[[nodiscard]] std::string fault_of_role(const model::command &command, declared_by who);

// Stores them in each command of the manifest, which must have no faults.  A command in `kept` that
// stays unchanged keeps its identity.
void decide_identities(const catalog::store &store, model::extension_manifest &manifest,
                       declared_by who, const std::vector<model::command> &kept);

// Does it exist already, unchanged?  No role matches any role: rows of dynpgext.manifests name
// none.
[[nodiscard]] bool is_unchanged(const model::command &wanted,
                                const std::vector<model::command> &known);

// Removes roles that DROP OWNED has taken from their commands from the dumped rows.  A restore
// would otherwise give them back, or give them to other roles with these names.
void clear_given_up(const catalog::store &store);

// Rows of dynpgext.identities that differ from the commands come from a restore: they take effect,
// if they count.
void follow_identities(const catalog::store &store);

// Before that, after SQL has written rows: they count if their source is trusted
// (extensions/restore.h), otherwise they give no role.
void judge_identities(const catalog::store &store);

}  // namespace dynpgext::provisioning
