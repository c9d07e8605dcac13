// The tables that pg_dump dumps in addition to the settings: manifests, and roles of commands.
#include "catalog/identity.h"
#include "catalog/store.h"
#include "model/text.h"
#include "pg/database_mark.h"
#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::catalog {
namespace {

constexpr const char *manifest_table = "manifests";
constexpr const char *followed_table = "registered_manifest";
constexpr const char *identity_table = "identities";

bool is_same(const pg::role_reference &known, Oid role) {
  return known.role == role && OidIsValid(role);
}

// A command without a role is also decided here.
std::string place_of(const model::command_identity &who) {
  return who.decided_in.empty() ? pg::require_database_mark() : who.decided_in;
}

void insert_identity(const pg::relation &table, const store::identity_row &identity) {
  pg::values row;
  row.name(identity.extension).text(identity.worker);
  identity.run_as.name.empty() ? row.null() : row.role(identity.run_as);
  identity.registered_by.name.empty() ? row.null() : row.role(identity.registered_by);
  row.boolean(identity.superuser).boolean(identity.without_login).boolean(identity.by_hand);
  row.text(identity.decided_in);
  identity.foreign_owner.empty() ? row.null() : row.text(identity.foreign_owner);
  (void)table.insert(row);
}

}  // namespace

std::vector<store::manifest_row> store::read_manifests() const {
  const Oid table = companion(manifest_table);
  if (!OidIsValid(table)) return {};
  const pg::relation relation(table, AccessShareLock);
  std::vector<manifest_row> result;
  for (const pg::row &row : relation.rows())
    result.push_back({row.name(0), row.json(1), false, {}, row.is_ours()});
  const Oid followed = result.empty() ? InvalidOid : companion(followed_table);
  if (!OidIsValid(followed)) return result;
  const pg::relation digests(followed, AccessShareLock);
  for (const pg::row &row : digests.rows())
    for (manifest_row &m : result) {
      if (m.extension != row.name(0) || model::digest_of(m.manifest) != row.text(1)) continue;
      m.followed = row.is_null(2);
      m.refusal = row.text(2);
    }
  return result;
}

// Of a manifest; empty: none.
void store::write_followed(const std::string &extension, const std::string &manifest,
                           const std::string &refusal) const {
  const Oid table = companion(followed_table);
  if (!OidIsValid(table)) return;
  const pg::relation relation(table, RowExclusiveLock);
  for (const pg::row &row : relation.rows())
    if (row.name(0) == extension) relation.erase(row);
  pg::make_visible();
  if (manifest.empty()) return;
  pg::values row;
  row.name(extension).text(model::digest_of(manifest));
  refusal.empty() ? row.null() : row.text(refusal);
  if (!relation.insert(row))
    throw pg::error(ERRCODE_OBJECT_IN_USE,
                    "extension \"" + extension + "\" is being registered by another transaction");
  pg::make_visible();
}

void store::mark_followed(const manifest_row &row) const {
  write_followed(row.extension, row.manifest, {});
}

void store::mark_refused(const manifest_row &row, const std::string &why) const {
  write_followed(row.extension, row.manifest, why);
}

Oid store::manifests() const { return companion(manifest_table); }

Oid store::identities() const { return companion(identity_table); }

void store::write_manifest(const std::string &extension, const std::string &manifest) const {
  const Oid table = companion(manifest_table);
  if (!OidIsValid(table)) return;
  const pg::relation relation(table, RowExclusiveLock);
  // as the table returns it
  const std::string wanted = manifest.empty() ? manifest : pg::json_text(pg::json_datum(manifest));
  bool is_there = false;
  for (const pg::row &row : relation.rows()) {
    if (row.name(0) != extension) continue;
    if (row.json(1) == wanted)
      is_there = true;
    else
      relation.erase(row);
  }
  pg::make_visible();
  write_followed(extension, wanted, {});
  if (manifest.empty() || is_there) return;
  pg::values row;
  if (!relation.insert(row.name(extension).json(manifest)))
    throw pg::error(ERRCODE_OBJECT_IN_USE,
                    "extension \"" + extension + "\" is being registered by another transaction");
  pg::make_visible();
}

std::vector<store::identity_row> store::read_identities() const {
  const Oid table = companion(identity_table);
  if (!OidIsValid(table)) return {};
  const pg::relation relation(table, AccessShareLock);
  std::vector<identity_row> result;
  for (const pg::row &row : relation.rows())
    result.push_back({row.name(0), row.text(1), row.role(2), row.role(3), row.boolean(4),
                      row.boolean(5), row.boolean(6), row.text(7), row.text(8)});
  return result;
}

void store::accept_identities() const {
  const Oid table = companion(identity_table);
  if (!OidIsValid(table)) return;
  const pg::relation relation(table, RowExclusiveLock);
  std::vector<identity_row> accepted;
  for (const pg::row &row : relation.rows()) {
    if (!row.is_null(7)) continue;
    accepted.push_back({row.name(0), row.text(1), row.role(2), row.role(3), row.boolean(4),
                        row.boolean(5), row.boolean(6), pg::require_database_mark(), row.text(8)});
    relation.erase(row);
  }
  for (const identity_row &row : accepted) insert_identity(relation, row);
  if (!accepted.empty()) pg::make_visible();
}

void store::write_identities(const std::string &extension,
                             const std::vector<model::command> &commands,
                             const std::vector<identity_row> &known, rows_of replaced) const {
  const Oid table = companion(identity_table);
  if (!OidIsValid(table)) return;
  const pg::relation relation(table, RowExclusiveLock);
  std::vector<const model::command *> missing;
  missing.reserve(commands.size());
  for (const model::command &c : commands) missing.push_back(&c);
  const auto is_replaced = [&](const pg::row &row) {
    return row.name(0) == extension &&
           (replaced == rows_of::extension ||
            std::any_of(commands.begin(), commands.end(),
                        [&](const model::command &c) { return c.worker == row.text(1); }));
  };
  for (const pg::row &row : relation.rows()) {
    if (!is_replaced(row)) continue;
    const auto same = std::find_if(missing.begin(), missing.end(), [&](const model::command *c) {
      const model::command_identity &who = c->identity;
      return c->worker == row.text(1) && is_same(row.role(2), who.role) &&
             is_same(row.role(3), who.registered_by) && row.boolean(4) == who.superuser &&
             row.boolean(5) == who.without_login && row.boolean(6) == who.by_hand &&
             row.text(7) == place_of(who) && row.text(8) == who.foreign_owner;
    });
    if (same != missing.end())
      missing.erase(same);
    else
      relation.erase(row);
  }
  pg::make_visible();
  for (const model::command *c : missing) {
    const model::command_identity &who = c->identity;
    // the names of missing roles, from the row that names them: not from the row of an earlier
    // command of this worker
    const auto named = std::find_if(known.begin(), known.end(), [&](const identity_row &k) {
      return k.extension == extension && k.worker == c->worker && is_same_identity(resolve(k), who);
    });
    pg::role_reference run_as{who.role, pg::role_name(who.role)};
    pg::role_reference registered_by{who.registered_by, pg::role_name(who.registered_by)};
    if (named != known.end() && run_as.name.empty()) run_as.name = named->run_as.name;
    if (named != known.end() && registered_by.name.empty())
      registered_by.name = named->registered_by.name;
    insert_identity(relation, {extension, c->worker, run_as, registered_by, who.superuser,
                               who.without_login, who.by_hand, place_of(who), who.foreign_owner});
  }
  pg::make_visible();
}

void store::clear_identity(const std::string &extension, const std::string &worker) const {
  const Oid table = companion(identity_table);
  if (!OidIsValid(table)) return;
  const pg::relation relation(table, RowExclusiveLock);
  bool is_there = false;
  for (const pg::row &row : relation.rows()) {
    if (row.name(0) != extension || row.text(1) != worker) continue;
    relation.erase(row);
    is_there = true;
  }
  if (!is_there) return;
  insert_identity(relation,
                  {extension, worker, {}, {}, false, false, false, pg::require_database_mark()});
  pg::make_visible();
}

std::vector<model::installed_extension> installed_extensions() {
  const pg::relation extensions(ExtensionRelationId, AccessShareLock);
  std::vector<model::installed_extension> result;
  for (const pg::row &row : extensions.rows()) {
    const std::string name = row.name(Anum_pg_extension_extname - 1);
    if (name == "dynpgext") continue;
    result.push_back({name, row.text(Anum_pg_extension_extversion - 1), row.is_ours()});
  }
  return result;
}

}  // namespace dynpgext::catalog
