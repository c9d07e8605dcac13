#include "catalog/store.h"

#include "catalog/identity.h"
#include "catalog/rows.h"
#include "model/text.h"
#include "pg/role.h"
#include "pg/role_hold.h"
#include "pg/transaction.h"

namespace dynpgext::catalog {
namespace {

template <class Row>
const std::string &extension_of(const Row &row) {
  if constexpr (std::is_same_v<Row, model::extension>)
    return row.name;
  else
    return row.extension;
}

constexpr const char *command_table = "registered_command";
constexpr const char *content_table = "registered_content";
constexpr const char *manifest_table = "manifests";
constexpr const char *followed_table = "registered_manifest";
constexpr const char *restore_table = "restore";
constexpr const char *identity_table = "identities";

// Those that can be dropped.
std::vector<Oid> roles_of(const std::vector<model::command> &commands) {
  std::vector<Oid> roles;
  for (const model::command &c : commands)
    for (const Oid role : {c.identity.role, c.identity.registered_by})
      if (OidIsValid(role) && role != BOOTSTRAP_SUPERUSERID && !pg::role_name(role).empty())
        roles.push_back(role);
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  return roles;
}

bool is_same(const pg::role_reference &known, Oid role) {
  return known.role == role && OidIsValid(role);
}

// Nobody's is decided here, too.
Oid place_of(const model::command_identity &who) {
  return OidIsValid(who.database) ? who.database : MyDatabaseId;
}

void insert_identity(const pg::relation &table, const store::identity_row &identity) {
  pg::values row;
  row.name(identity.extension).text(identity.worker);
  identity.run_as.name.empty() ? row.null() : row.role(identity.run_as);
  identity.registered_by.name.empty() ? row.null() : row.role(identity.registered_by);
  row.boolean(identity.superuser).boolean(identity.without_login).boolean(identity.by_hand);
  row.oid(identity.decided_in);
  (void)table.insert(row);
}

// Two transactions may register one name at once: the second one waits for the first, and
// learns of it only here.
[[noreturn]] void refuse_race(const model::allocation &a) {
  throw pg::error(ERRCODE_DUPLICATE_OBJECT,
                  "extension \"" + a.extension + "\" cannot register shared memory \"" + a.name +
                      "\": the name is taken",
                  "Another extension has registered it in this database at the same time.",
                  "Use another name (by convention extension:version:purpose), or drop that "
                  "extension.");
}
[[noreturn]] void refuse_race(const model::worker_settings &s) {
  throw pg::error(ERRCODE_OBJECT_IN_USE, "background worker \"" + s.worker + "\" of extension \"" +
                                             s.extension +
                                             "\" is being configured by another transaction");
}
template <class Row>
[[noreturn]] void refuse_race(const Row &row) {
  throw pg::error(ERRCODE_OBJECT_IN_USE, "extension \"" + extension_of(row) +
                                             "\" is being registered by another transaction");
}

template <class Row>
Row value_of(const pg::row &row) {
  Row value;
  from_row(row, value);
  if constexpr (std::is_same_v<Row, model::command>)
    value.run_as = pg::role_name(value.identity.role);
  return value;
}

template <class Row>
std::vector<Row> read_all(Oid table) {
  const pg::relation relation(table, AccessShareLock);
  std::vector<Row> result;
  for (const pg::row &row : relation.rows()) result.push_back(value_of<Row>(row));
  return result;
}

}  // namespace

std::optional<store> store::open() {
  if (!OidIsValid(MyDatabaseId)) return std::nullopt;
  Oid extension = pg::extension_oid("dynpgext");
  if (!OidIsValid(extension)) return std::nullopt;
  store s;
  for (;;) {
    // Each waits for a transaction that is dropping it; dynpgext may be another one then.
    s.extensions_ = pg::member_table(extension, "dynpgext", "registered_extension");
    s.allocations_ = pg::member_table(extension, "dynpgext", "registered_allocation");
    s.workers_ = pg::member_table(extension, "dynpgext", "registered_worker");
    s.settings_ = pg::member_table(extension, "dynpgext", "worker_settings");
    const Oid now = pg::extension_oid("dynpgext");
    if (now == extension) break;
    if (!OidIsValid(now)) return std::nullopt;
    extension = now;
  }
  if (!OidIsValid(s.extensions_) || !OidIsValid(s.allocations_) || !OidIsValid(s.workers_) ||
      !OidIsValid(s.settings_))
    return std::nullopt;
  s.dynpgext_ = extension;
  s.owner_ = pg::extension_owner(extension);
  return s;
}

model::registrations store::read() const {
  model::registrations result;
  result.extensions = read_all<model::extension>(extensions_);
  result.allocations = read_all<model::allocation>(allocations_);
  result.workers = read_all<model::worker>(workers_);
  result.settings = read_all<model::worker_settings>(settings_);
  result.under_restore = read_restore();
  // who reads commands later may hold the provisioning lock by then
  if (const Oid commands = companion(command_table); OidIsValid(commands))
    const pg::relation locked(commands, AccessShareLock);
  return result;
}

std::optional<model::restore> store::read_restore() const {
  const Oid table = companion(restore_table);
  if (!OidIsValid(table)) return std::nullopt;
  const pg::relation relation(table, AccessShareLock);
  std::optional<model::restore> found;
  for (const pg::row &row : relation.rows())
    found = {row.bigint(1), row.boolean(2), row.boolean(3)};
  return found;
}

void store::write(const std::optional<model::restore> &restore) const {
  const Oid table = companion(restore_table);
  if (!OidIsValid(table)) return;
  const pg::relation relation(table, RowExclusiveLock);
  for (const pg::row &row : relation.rows()) relation.erase(row);
  pg::make_visible();
  if (!restore) return;
  pg::values row;
  row.timestamp(GetCurrentTimestamp()).bigint(restore->boot);
  row.boolean(restore->until_told).boolean(restore->brings_dynpgext);
  (void)relation.insert(row);
  pg::make_visible();
}

void store::expect_restore() const {
  const Oid table = companion(restore_table);
  if (OidIsValid(table)) const pg::relation relation(table, ShareRowExclusiveLock);
}

std::vector<model::extension> store::read_extensions() const {
  return read_all<model::extension>(extensions_);
}

Oid store::companion(const char *table) const {
  return pg::member_table(dynpgext_, "dynpgext", table);
}

template <class Row>
std::vector<Row> store::read_companion(const char *table, const std::string &extension) const {
  const Oid id = companion(table);
  if (!OidIsValid(id)) return {};  // until ALTER EXTENSION dynpgext UPDATE
  std::vector<Row> rows = read_all<Row>(id);
  if (!extension.empty())
    std::erase_if(rows, [&](const Row &row) { return extension_of(row) != extension; });
  return rows;
}

template <class Row>
void store::write_companion(const char *table, const std::string &extension,
                            const std::vector<Row> &wanted) const {
  const Oid id = companion(table);
  if (OidIsValid(id)) {
    (void)make_equal(id, extension, wanted);
  } else if (!wanted.empty()) {
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    std::string("there is no table dynpgext.") + table, {},
                    "Use ALTER EXTENSION dynpgext UPDATE.");
  }
}

std::vector<model::command> store::read_commands(const std::string &extension) const {
  return read_companion<model::command>(command_table, extension);
}

std::vector<model::content> store::read_contents(const std::string &extension) const {
  return read_companion<model::content>(content_table, extension);
}

template <class Row>
bool store::make_equal(Oid table, const std::string &extension,
                       const std::vector<Row> &wanted) const {
  const pg::relation relation(table, RowExclusiveLock);
  std::vector<const Row *> missing;
  missing.reserve(wanted.size());
  for (const Row &row : wanted) missing.push_back(&row);
  bool differed = false;
  for (const pg::row &row : relation.rows()) {
    const Row existing = value_of<Row>(row);
    if (extension_of(existing) != extension) continue;
    const auto same = std::find_if(missing.begin(), missing.end(),
                                   [&](const Row *candidate) { return *candidate == existing; });
    if (same != missing.end()) {
      missing.erase(same);
    } else {
      relation.erase(row);
      differed = true;
    }
  }
  if (differed) pg::make_visible();
  for (const Row *row : missing) {
    pg::values values;
    to_row(*row, values);
    if (!relation.insert(values)) refuse_race(*row);
  }
  if (!missing.empty()) pg::make_visible();
  return differed || !missing.empty();
}

bool store::write(const model::extension &extension,
                  const std::vector<model::allocation> &allocations,
                  const std::vector<model::worker> &workers) const {
  bool differed = make_equal<model::extension>(extensions_, extension.name, {extension});
  differed |= make_equal(allocations_, extension.name, allocations);
  differed |= make_equal(workers_, extension.name, workers);
  return differed;
}

void store::write(const std::string &extension, const std::vector<model::command> &commands,
                  const std::vector<model::content> &contents) const {
  const std::vector<Oid> wanted = roles_of(commands);
  std::vector<Oid> roles =
      pg::lock_role_holds(dynpgext_, roles_of(read_commands(extension)), wanted);
  roles.insert(roles.end(), wanted.begin(), wanted.end());
  write_companion(command_table, extension, commands);
  write_companion(content_table, extension, contents);
  keep_held(roles);
}

void store::let_go_of_roles() const {
  const std::vector<Oid> needed = roles_of(read_commands({}));
  std::vector<Oid> rest = pg::held_roles(dynpgext_);
  std::erase_if(rest, [&needed](Oid role) {
    return std::find(needed.begin(), needed.end(), role) != needed.end();
  });
  if (!rest.empty()) keep_held(pg::lock_role_holds(dynpgext_, rest, {}));
}

// Of these, the ones that a command needs are held, and no others.
void store::keep_held(const std::vector<Oid> &roles) const {
  if (roles.empty()) return;
  const std::vector<Oid> needed = roles_of(read_commands({}));
  for (const Oid role : roles) {
    const bool is_needed = std::find(needed.begin(), needed.end(), role) != needed.end();
    if (is_needed == pg::is_role_held(dynpgext_, role)) continue;
    if (is_needed)
      pg::hold_role(dynpgext_, role, owner_);
    else
      pg::let_go_of_role(dynpgext_, role);
  }
}

void store::erase(const std::string &extension) const {
  (void)make_equal<model::extension>(extensions_, extension, {});
  (void)make_equal<model::allocation>(allocations_, extension, {});
  (void)make_equal<model::worker>(workers_, extension, {});
  (void)make_equal<model::worker_settings>(settings_, extension, {});
  write(extension, {}, {});
  write_identities(extension, {}, {});
  write_manifest(extension, {});
}

void store::write(const model::worker_settings &settings) const {
  std::vector<model::worker_settings> all = read_all<model::worker_settings>(settings_);
  std::erase_if(all, [&](const model::worker_settings &s) {
    return s.extension != settings.extension || s.worker == settings.worker;
  });
  if (settings.enabled || settings.restart || settings.restart_delay) all.push_back(settings);
  (void)make_equal(settings_, settings.extension, all);
}

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

// Of a manifest; empty: of none.
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
  // as the table gives it back
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
                      row.boolean(5), row.boolean(6), row.oid(7)});
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
                        row.boolean(5), row.boolean(6), MyDatabaseId});
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
             row.oid(7) == place_of(who);
    });
    if (same != missing.end())
      missing.erase(same);
    else
      relation.erase(row);
  }
  pg::make_visible();
  for (const model::command *c : missing) {
    const model::command_identity &who = c->identity;
    // the names of roles that are missing, from the row that names them: not from one that tells
    // whom an earlier command of this worker ran as
    const auto named = std::find_if(known.begin(), known.end(), [&](const identity_row &k) {
      return k.extension == extension && k.worker == c->worker && is_same_identity(resolve(k), who);
    });
    pg::role_reference run_as{who.role, pg::role_name(who.role)};
    pg::role_reference registered_by{who.registered_by, pg::role_name(who.registered_by)};
    if (named != known.end() && run_as.name.empty()) run_as.name = named->run_as.name;
    if (named != known.end() && registered_by.name.empty())
      registered_by.name = named->registered_by.name;
    insert_identity(relation, {extension, c->worker, run_as, registered_by, who.superuser,
                               who.without_login, who.by_hand, place_of(who)});
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
  insert_identity(relation, {extension, worker, {}, {}, false, false, false, MyDatabaseId});
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
