#include "extensions/judgement.h"

#include <set>

#include "extensions/declared.h"
#include "extensions/ledger.h"
#include "pg/command_rights.h"
#include "pg/database_mark.h"

namespace dynpgext::provisioning {
namespace {

using catalog::store;

using owners = std::span<const pg::noted_owner>;

std::string foreign_owner(const model::command_identity &who, owners known) {
  return pg::foreign_owner({.role = who.role,
                            .decided_in = who.decided_in,
                            .owners = who.owners,
                            .foreign_owner = who.foreign_owner},
                           known);
}

// The identity from now on: unchanged, if there is no new owner.  Records the owners that have been
// judged, not those that have come since.
model::command_identity judged(model::command_identity who, owners known) {
  if (!OidIsValid(who.role) || !who.foreign_owner.empty()) return who;
  who.foreign_owner = foreign_owner(who, known);
  if (!who.foreign_owner.empty()) return who;
  who.decided_in = pg::database_mark();
  who.owners = pg::text_of(known);
  return who;
}

void warn_of_owner(const model::command &c, const std::string &owner) {
  pg::log(WARNING,
          "SQL worker \"" + c.worker + "\" of extension \"" + c.extension +
              "\" does not run any more: " + pg::text_of_foreign_owner(owner, c.run_as),
          pg::hint_of_foreign_owner);
}

void judge(const store &store, const std::string &extension, owners known) {
  if (!pg::lock_extension(extension.c_str())) return;
  const model::registrations all = store.read();
  const model::extension *e = all.find_extension(extension);
  if (e == nullptr) return;
  std::vector<model::command> commands = store.read_commands(extension);
  std::vector<model::command> changed;
  collected rows = rows_of(all, extension);
  for (model::command &c : commands) {
    const model::command_identity who = judged(c.identity, known);
    if (who == c.identity) continue;
    if (who.foreign_owner != c.identity.foreign_owner) warn_of_owner(c, who.foreign_owner);
    c.identity = who;
    for (model::worker &w : rows.workers)
      if (w.name == c.worker) model::bind(w, c);
    changed.push_back(c);
  }
  if (changed.empty()) return;
  const auto rows_of_identities = store.read_identities();
  touch(store);
  store.write(extension, commands, store.read_contents(extension));
  store.write_identities(extension, changed, rows_of_identities, store::rows_of::commands);
  (void)store.write(*e, rows.allocations, rows.workers);
}

// Marks of other databases in which the roles were decided.
std::vector<std::string> marks_of_others(const std::vector<model::command> &commands) {
  const std::string own = pg::database_mark();
  std::vector<std::string> marks;
  for (const model::command &c : commands) {
    const model::command_identity &who = c.identity;
    if (OidIsValid(who.role) && who.foreign_owner.empty() && who.decided_in != own)
      marks.push_back(who.decided_in);
  }
  return marks;
}

}  // namespace

bool is_foreign(const model::command_identity &who, owners known) {
  return OidIsValid(who.role) && !foreign_owner(who, known).empty();
}

bool is_to_be_decided_anew(const model::command_identity &who, owners known) {
  return who.decided_in != pg::database_mark() || is_foreign(who, known);
}

void judge_owners(const store &store) {
  const std::vector<model::command> commands = store.read_commands({});
  if (commands.empty() || pg::database_mark().empty()) return;
  pg::note_database_owner();
  if (const auto marks = marks_of_others(commands); !marks.empty())
    pg::note_owners_of_unseen_copy(marks);
  const std::vector<pg::noted_owner> known = pg::database_owners();
  std::set<std::string> extensions;
  for (const model::command &c : commands)
    if (judged(c.identity, known) != c.identity) extensions.insert(c.extension);
  for (const std::string &extension : extensions) judge(store, extension, known);
}

}  // namespace dynpgext::provisioning
