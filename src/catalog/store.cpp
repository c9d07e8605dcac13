#include "catalog/store.h"

#include "catalog/rows.h"
#include "model/version.h"
#include "pg/own_version.h"
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
constexpr const char *restore_table = "restore";

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

// Two transactions may register one name at once: the second one waits for the first, and detects
// it only here.
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

// A library can read the tables of an older version.  It does not know the columns of a newer
// version, and would leave them out when writing.
void refuse_newer_tables(const std::string &version) {
  if (model::compare_versions(version, pg::own_version()) <= 0) return;
  throw pg::error(
      ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
      "extension \"dynpgext\" of this database has version " + version +
          ", this process runs the library of version " + pg::own_version(),
      "An older library does not read or write the tables of a newer version.",
      "Use a new session. If the error is still there, install the library of version " + version +
          "; where dynpgext is preloaded, restart the server after that.");
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
  const pg::installed_copy installed = pg::find_installed(extension);
  refuse_newer_tables(installed.version);
  s.owner_ = installed.owner;
  return s;
}

model::registrations store::read() const {
  model::registrations result;
  result.extensions = read_all<model::extension>(extensions_);
  result.allocations = read_all<model::allocation>(allocations_);
  result.workers = read_all<model::worker>(workers_);
  result.settings = read_all<model::worker_settings>(settings_);
  result.under_restore = read_restore();
  // a later reader of commands may hold the provisioning lock
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
  std::vector<model::command> own = read_commands({});
  const auto first_other = std::stable_partition(
      own.begin(), own.end(), [&](const model::command &c) { return c.extension == extension; });
  const std::vector<model::command> others(first_other, own.end());
  own.erase(first_other, own.end());
  // roles needed by others stay held, and nobody must wait for this transaction because of them
  std::vector<Oid> before = roles_of(own);
  const std::vector<Oid> needed = roles_of(others);
  std::erase_if(before, [&needed](Oid role) {
    return std::binary_search(needed.begin(), needed.end(), role);
  });
  std::vector<Oid> roles = pg::lock_role_holds(dynpgext_, before, wanted);
  roles.insert(roles.end(), wanted.begin(), wanted.end());
  write_companion(command_table, extension, commands);
  write_companion(content_table, extension, contents);
  keep_held(roles);
}

bool store::may_have_written() const {
  const std::array tables{extensions_, allocations_, workers_, settings_, companion(restore_table)};
  return std::any_of(tables.begin(), tables.end(),
                     [](Oid table) { return OidIsValid(table) && pg::may_have_written(table); });
}

void store::let_go_of_roles(bool waits) const {
  if (unneeded_roles().empty() || !pg::lock_letting_go(dynpgext_, waits)) return;
  keep_held(pg::lock_role_holds(dynpgext_, unneeded_roles(), {}));
}

// The held roles, except those of visible commands.
std::vector<Oid> store::unneeded_roles() const {
  const std::vector<Oid> needed = roles_of(read_commands({}));
  std::vector<Oid> rest = pg::held_roles(dynpgext_);
  std::erase_if(rest, [&needed](Oid role) {
    return std::find(needed.begin(), needed.end(), role) != needed.end();
  });
  return rest;
}

// Of these, holds exactly the roles that a command needs.
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
  if (!settings.is_empty()) all.push_back(settings);
  (void)make_equal(settings_, settings.extension, all);
}

}  // namespace dynpgext::catalog
