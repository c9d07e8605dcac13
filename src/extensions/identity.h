// Whom commands run as: decided when they are registered, and recorded.
//
// By hand that is the role that registers, or one that it may become; in a script the owner of the
// extension at that time, or one that the owner may become.  A superuser's role is given only where
// a superuser names it in the same call.  What was decided for a command stays while it does not
// change, whoever updates the extension or owns it by then; a restore gives the identity that the
// dump names, or none: if the restore has created dynpgext, too, see extensions/restore.h.
#pragma once

#include "catalog/store.h"
#include "extensions/declared_by.h"
#include "model/manifest.h"

namespace dynpgext::provisioning {

// In the script of an extension, before anything else is made of its commands.  PostgreSQL replaces
// "@extowner@" by whoever runs the script, who need not own the extension when it is an update; and
// nobody can tell it from a script that names this role.  So it is never the runner's role that a
// command gets by it: one that is known goes on as who it is, and a new one is the owner's.
void read_extowner(const catalog::store &store, const std::string &extension,
                   model::manifest &script);

// What is wrong with the role that a command names, or would get: a message, or nothing.
[[nodiscard]] std::string fault_of_role(const model::command &command, declared_by who);

// Into each command of the manifest, whose faults have been found before.  One that is among the
// `kept`, and is to be as it is, stays whose it is.
void decide_identities(const catalog::store &store, model::extension_manifest &manifest,
                       declared_by who, const std::vector<model::command> &kept);

// Is it there already, as it is wanted?  No role is as good as the one that it has: rows of
// dynpgext.manifests name none.
[[nodiscard]] bool is_unchanged(const model::command &wanted,
                                const std::vector<model::command> &known);

// Roles that DROP OWNED has taken away from their commands are in no dump any more: one would give
// them back, or give them to others of their names.
void clear_given_up(const catalog::store &store);

// Rows of dynpgext.identities that say something else than the commands come from a restore: they
// take effect, if they count.
void follow_identities(const catalog::store &store);

// Before that, where SQL has just written rows: they count if their source is trusted
// (extensions/restore.h), and otherwise give nobody anything.
void judge_identities(const catalog::store &store);

}  // namespace dynpgext::provisioning
