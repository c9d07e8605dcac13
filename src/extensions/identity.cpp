#include "extensions/identity.h"

#include <map>

#include "catalog/identity.h"
#include "extensions/declared.h"
#include "extensions/ledger.h"
#include "extensions/restore.h"
#include "pg/command_rights.h"
#include "pg/database_mark.h"
#include "pg/database_owners.h"
#include "pg/left_objects.h"
#include "pg/role.h"
#include "pg/role_hold.h"
#include "pg/script_runner.h"
#include "pg/search_path.h"
#include "pg/strangers.h"
#include "pg/transaction.h"

namespace dynpgext::provisioning {
namespace {

using catalog::store;

// The registering role, whose rights count.
Oid registrant(const std::string &extension, declared_by who) {
  if (who != declared_by::script) return pg::current_role();
  return pg::extension_owner(pg::extension_oid(extension.c_str()));
}

const model::command *find(const std::vector<model::command> &commands,
                           const model::command &like) {
  const auto found = std::find_if(commands.begin(), commands.end(), [&](const model::command &c) {
    return c.extension == like.extension && c.worker == like.worker;
  });
  return found == commands.end() ? nullptr : &*found;
}

model::command_identity given(Oid role, Oid by, declared_by who) {
  std::string mark = pg::require_database_mark();
  pg::note_database_owner();  // the deciding role knows of them
  return {.role = role,
          .registered_by = by,
          .superuser = pg::is_superuser(role),
          .without_login = !pg::has_login(role),
          .by_hand = who != declared_by::script,
          .decided_in = std::move(mark),
          .owners = pg::text_of(pg::database_owners())};
}

// Why a command gets this role only if it is named.
const char *why_not_by_default(Oid role) {
  if (pg::is_superuser(role)) return "is a superuser";
  return pg::has_login(role) ? nullptr : "cannot log in";
}

model::command_identity nobody(const model::command &c, Oid by, const char *why) {
  pg::log(WARNING,
          "SQL worker \"" + c.worker + "\" of extension \"" + c.extension +
              "\" has no role to run as: \"" + pg::role_name(by) + "\", who owns the extension, " +
              why,
          "Name a role with \"run_as\"; in the script of an extension it may be \"@extowner@\". "
          "Otherwise a superuser does so by hand, with dynpgext.register().");
  return {.registered_by = by};
}

// The identity that a script requests.
model::command_identity by_script(const model::command &c, const model::command *known, Oid owner) {
  const Oid named = c.run_as.empty() ? InvalidOid : pg::role_oid(c.run_as);
  const bool is_known = known != nullptr && OidIsValid(known->identity.role);
  const bool raises = is_known && OidIsValid(named) && named != known->identity.role &&
                      pg::is_superuser(named) && !known->identity.superuser;
  if (raises)
    pg::log(WARNING, "SQL worker \"" + c.worker + "\" of extension \"" + c.extension +
                         "\" continues as role \"" + known->run_as +
                         "\": an update does not make it a superuser");
  if (is_known && (!OidIsValid(named) || named == known->identity.role || raises))
    return known->identity;
  if (OidIsValid(named)) return given(named, owner, declared_by::script);
  if (const char *why = why_not_by_default(owner)) return nobody(c, owner, why);
  return given(owner, owner, declared_by::script);
}

// Another role can decide what the command finds by name, or which code runs with it; or the
// command does not run at all.
void warn_of_strangers(const model::command &c) {
  const Oid role = c.identity.role;
  if (!OidIsValid(role)) return;
  const std::string command =
      "the command of SQL worker \"" + c.worker + "\" of extension \"" + c.extension + "\" ";
  const std::string name = "role \"" + c.run_as + "\"";
  const char *replaces =
      "A role that can do so, or owns the schema, can replace what the command names, even where "
      "the command writes the schema. Let only ";
  const char *intrudes =
      "Code of other roles would run with the rights of the command. The privileges may come from "
      "ALTER DEFAULT PRIVILEGES: REVOKE them, and drop triggers and foreign keys of other roles. "
      "Let only ";
  const char *leaves =
      "The command may find it by its name. Drop it, or give it another owner; or give the "
      "extension a schema of its own.";
  const std::string others = name + " and superusers do so, or name another role with \"run_as\".";
  const pg::stranger in_schema = pg::stranger_in_schema(c.extension, role);
  const pg::stranger in_members = pg::stranger_in_members(c.extension, role);
  const pg::left_object left = pg::left_in_schema(c.extension, role);
  if (!in_schema && !in_members && !left) return;
  if (!c.identity.by_hand && pg::is_superuser(role)) {
    const std::string why = in_schema    ? in_schema.text()
                            : in_members ? in_members.text()
                                         : left.text();
    pg::log(WARNING, command + "does not run as superuser \"" + c.run_as + "\": " + why,
            in_members && !in_schema ? intrudes + others
            : in_schema              ? replaces + others
                                     : leaves);
    return;
  }
  if (in_schema)
    pg::log(WARNING,
            command + "does not search schema \"" +
                pg::schema_name(pg::find_extension(c.extension)->schema) + "\": " + in_schema.who +
                " can create objects there",
            replaces + others);
  else if (left)
    pg::log(WARNING,
            command + "does not search schema \"" +
                pg::schema_name(pg::find_extension(c.extension)->schema) + "\": " + left.text(),
            leaves);
  if (in_members && in_members.text() != in_schema.text())
    pg::log(WARNING, command + "runs as " + name + ": " + in_members.text(), intrudes + others);
}

void warn_of_row(const store::identity_row &row) {
  pg::log(
      WARNING,
      "the row of dynpgext.identities for SQL worker \"" + row.worker + "\" of extension \"" +
          row.extension + "\" has no effect: it was not restored with dynpgext itself",
      "A superuser names the role with dynpgext.register(). SET dynpgext.restore = on joins the "
      "parts of a restore, from CREATE EXTENSION dynpgext to dynpgext.end_restore().");
}

model::command_identity by_restore(const model::command &c, const model::command *known,
                                   const std::vector<store::identity_row> &rows) {
  // a superuser's decision applies to the command at that time
  if (!pg::is_superuser()) {
    if (known != nullptr && is_unchanged(c, {*known})) return known->identity;
    const Oid by = pg::current_role();
    return given(c.run_as.empty() ? by : pg::role_oid(c.run_as), by, declared_by::restore);
  }
  const bool is_same = known != nullptr && is_unchanged(c, {*known});
  if (!is_source_trusted()) return is_same ? known->identity : catalog::undecided();
  // One of the rows may be for a command that a script has registered in this restore: its identity
  // applies to that command.  A decision by hand applies to the manifest.
  int restored = 0;
  for (const store::identity_row &row : rows) {
    if (!row.counts() || row.extension != c.extension || row.worker != c.worker) continue;
    model::command_identity who = catalog::resolve(row);
    if (known == nullptr || !catalog::is_same_identity(who, known->identity)) return who;
    ++restored;
  }
  const bool is_its = known != nullptr && (restored > 1 || known->identity.by_hand);
  return is_its || is_same ? known->identity : model::command_identity{};
}

// DROP OWNED has not removed its roles, or it has none.
bool is_held(const store &store, const model::command &c) {
  const model::command_identity &who = c.identity;
  if (!OidIsValid(who.role)) return true;
  return pg::is_role_held(store.dynpgext(), who.role) &&
         pg::is_role_held(store.dynpgext(), who.registered_by);
}

// Differences between the rows of dynpgext.identities and the commands.
struct restored_identities {
  std::map<std::string, std::vector<model::command>> changed;  // by extension
  std::vector<store::identity_row> followed;
};

restored_identities find_restored(const store &store) {
  restored_identities found;
  const std::vector<store::identity_row> rows = store.read_identities();
  for (model::command &c : store.read_commands({})) {
    if (!is_held(store, c)) continue;
    for (const store::identity_row &row : rows) {
      if (!row.counts() || row.extension != c.extension || row.worker != c.worker) continue;
      const model::command_identity who = catalog::resolve(row);
      if (catalog::is_same_identity(who, c.identity)) continue;
      c.identity = who;
      c.run_as = pg::role_name(who.role);
      found.changed[c.extension].push_back(c);
      found.followed.push_back(row);
      break;
    }
  }
  return found;
}

// Keeps rows that count.  A row that differs from its command gives it nothing.
void drop_foreign_rows(const store &store) {
  const std::vector<store::identity_row> rows = store.read_identities();
  const std::vector<model::command> commands = store.read_commands({});
  std::map<std::string, std::vector<model::command>> named;  // by extension
  for (const store::identity_row &row : rows) {
    if (row.counts()) continue;
    const auto found = std::find_if(commands.begin(), commands.end(), [&](const model::command &c) {
      return c.extension == row.extension && c.worker == row.worker;
    });
    if (found == commands.end()) continue;
    std::vector<model::command> &of = named[row.extension];
    if (find(of, *found) == nullptr) of.push_back(*found);
    if (!catalog::is_same_identity(catalog::resolve(row), found->identity)) warn_of_row(row);
  }
  for (const auto &[extension, of] : named)
    store.write_identities(extension, of, rows, store::rows_of::commands);
}

bool has_foreign_rows(const store &store) {
  const std::vector<store::identity_row> rows = store.read_identities();
  return std::any_of(rows.begin(), rows.end(),
                     [](const store::identity_row &row) { return !row.counts(); });
}

}  // namespace

void read_extowner(const store &store, const std::string &extension, declared_by who,
                   model::manifest &script) {
  const Oid runner = pg::script_runner();
  const Oid owner = registrant(extension, declared_by::script);
  if (runner == owner) return;
  const std::vector<model::command> known = store.read_commands(extension);
  for (model::extension_manifest &e : script.extensions)
    for (model::declared_worker &w : e.workers) {
      if (!w.command) continue;
      const bool is_named = !w.command->run_as.empty();
      if (is_named && pg::role_oid(w.command->run_as) != runner) continue;
      const model::command *before = find(known, *w.command);
      const bool is_known = before != nullptr && OidIsValid(before->identity.role);
      if (who == declared_by::role_script) {
        // by hand, no name would give the running role
        w.command->run_as = is_known ? before->run_as : pg::role_name(owner);
        continue;
      }
      if (!is_named) continue;
      // only superusers may name a superuser
      const bool names_owner = pg::is_superuser(runner) || !pg::is_superuser(owner);
      w.command->run_as = !is_known && names_owner ? pg::role_name(owner) : std::string();
    }
}

std::string fault_of_role(const model::command &command, declared_by who) {
  const Oid by = registrant(command.extension, who);
  if (command.run_as.empty()) {
    const bool is_by_hand = who == declared_by::hand || who == declared_by::role_script;
    const char *why = is_by_hand ? why_not_by_default(by) : nullptr;
    if (why == nullptr) return {};
    return "it would run as role \"" + pg::role_name(by) + "\", which " + why +
           ": a superuser has to name it";
  }
  const std::string role = "role \"" + command.run_as + "\"";
  const Oid named = pg::role_oid(command.run_as);
  if (!OidIsValid(named) && command.run_as == "@extowner@")
    return "\"@extowner@\" is replaced in the script of an extension only: name the role";
  if (!OidIsValid(named)) return role + " does not exist";
  if (!pg::may_become(by, named)) return "must be member of " + role;
  if (!pg::can_be_without_login && !pg::has_login(named))
    return role + " cannot log in: up to PostgreSQL 16 no command can run as it";
  if (pg::is_superuser(by)) return {};
  if (const char *why = why_not_by_default(named))
    return role + " " + why + ": only a superuser may name it";
  return {};
}

bool is_unchanged(const model::command &wanted, const std::vector<model::command> &known) {
  const model::command *before = find(known, wanted);
  if (before == nullptr) return false;
  model::command same = *before;
  same.identity = wanted.identity;
  same.schemas = wanted.schemas;
  if (wanted.run_as.empty()) same.run_as.clear();
  return same == wanted;
}

void decide_identities(const store &store, model::extension_manifest &manifest, declared_by who,
                       const std::vector<model::command> &kept) {
  const std::vector<model::command> known = store.read_commands(manifest.extension);
  std::vector<store::identity_row> rows;
  if (who == declared_by::restore) rows = store.read_identities();
  const Oid by = registrant(manifest.extension, who);
  const std::string schemas = pg::schemas_of(manifest.extension);
  for (model::declared_worker &w : manifest.workers) {
    if (!w.command) continue;
    model::command &c = *w.command;
    const model::command *before = find(known, c);
    const bool stays = is_unchanged(c, kept);
    c.schemas = stays ? before->schemas : schemas;
    if (stays)
      c.identity = before->identity;
    else if (who == declared_by::script)
      c.identity = by_script(c, before, by);
    else if (who == declared_by::restore)
      c.identity = by_restore(c, before, rows);
    else
      c.identity = given(c.run_as.empty() ? by : pg::role_oid(c.run_as), by, who);
    c.run_as = pg::role_name(c.identity.role);
    model::bind(w.worker, c);
    if (who != declared_by::restore && (before == nullptr || *before != c)) warn_of_strangers(c);
  }
}

void clear_given_up(const store &store) {
  const std::vector<store::identity_row> rows = store.read_identities();
  for (const model::command &c : store.read_commands({})) {
    if (is_held(store, c)) continue;
    const bool is_named = std::any_of(rows.begin(), rows.end(), [&](const store::identity_row &r) {
      return r.extension == c.extension && r.worker == c.worker &&
             (!r.run_as.name.empty() || OidIsValid(r.run_as.role));
    });
    if (is_named) store.clear_identity(c.extension, c.worker);
  }
}

void judge_identities(const store &store) {
  if (!has_foreign_rows(store)) return;
  await_other_half(store);
  if (is_source_trusted())
    store.accept_identities();
  else
    drop_foreign_rows(store);
}

void follow_identities(const store &store) {
  clear_given_up(store);
  if (find_restored(store).changed.empty()) return;
  await_other_half(store);
  const auto [changed, followed] = find_restored(store);
  for (const auto &[extension, commands] : changed) {
    if (!pg::lock_extension(extension.c_str())) continue;
    const model::registrations all = store.read();
    const model::extension *e = all.find_extension(extension);
    if (e == nullptr) continue;
    std::vector<model::command> wanted = store.read_commands(extension);
    collected rows = rows_of(all, extension);
    for (const model::command &c : commands) {
      for (model::command &known : wanted)
        if (known.worker == c.worker) known.identity = c.identity, known.run_as = c.run_as;
      for (model::worker &w : rows.workers)
        if (w.name == c.worker) model::bind(w, c);
    }
    touch(store);
    store.write(extension, wanted, store.read_contents(extension));
    store.write_identities(extension, commands, followed, store::rows_of::commands);
    (void)store.write(*e, rows.allocations, rows.workers);
  }
}

}  // namespace dynpgext::provisioning
