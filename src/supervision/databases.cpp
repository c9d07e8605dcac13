// Which databases there are, and what follows when they come and go.
#include "pg/announcement.h"
#include "pg/database.h"
#include "pg/library.h"
#include "pg/ownership.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "state/comparisons.h"
#include "supervision/launcher.h"

namespace dynpgext::supervision {
namespace {

// datconnlimit of a database whose DROP DATABASE was interrupted
constexpr int32 invalid_database = -2;

// Workers that are connected belong to the owner that their database has now.
void follow_owners(const state::shared &s, const std::vector<database> &existing) {
  const state::reading lock(s);
  for (const state::worker_entry *entry : s.workers.entries()) {
    if (entry->pid == 0 || entry->exited) continue;
    const Oid connected = pg::database_of_process(entry->pid);
    const auto found = std::find_if(existing.begin(), existing.end(),
                                    [=](const database &d) { return d.id == connected; });
    if (found != existing.end()) pg::follow_owner(entry->pid, found->id, found->owner);
  }
}

}  // namespace

std::vector<database> existing_databases() {
  pg::begin_transaction();
  std::vector<database> found;
  {
    const pg::relation databases(DatabaseRelationId, AccessShareLock);
    for (const pg::row &row : databases.rows())
      found.push_back({row.oid(Anum_pg_database_oid - 1), row.oid(Anum_pg_database_datdba - 1),
                       pg::is_superuser(row.oid(Anum_pg_database_datdba - 1)),
                       row.boolean(Anum_pg_database_datallowconn - 1) &&
                           row.integer(Anum_pg_database_datconnlimit - 1) != invalid_database});
  }
  pg::commit_transaction();
  return found;
}

void follow_databases(state::shared &s) {
  // What is known first, then what exists: one that is made in between is not taken for dropped.
  std::vector<Oid> known;
  {
    const state::reading lock(s);
    for (const state::database_entry *entry : s.databases.entries())
      known.push_back(entry->key.database);
  }
  const std::vector<database> existing = existing_databases();
  for (const Oid id : known)
    if (std::none_of(existing.begin(), existing.end(),
                     [=](const database &d) { return d.id == id; }))
      state::forget_database(s, id);
  follow_owners(s, existing);
  const state::exclusive lock(s);
  for (const database &d : existing) {
    if (d.connectable) {
      state::database_entry *entry = s.databases.insert({d.id});  // a new one has not been visited
      if (std::exchange(entry->unreachable, false)) entry->visited = false;
      entry->trusted = d.of_superuser;
    } else if (state::database_entry *entry = s.databases.find({d.id})) {
      entry->unreachable = entry->visited = true;
    }
  }
}

void follow_replay(state::shared &s) {
  const bool is_standby = RecoveryInProgress();
  const bool registrations = pg::heard(pg::announcement::registrations);
  const bool presence = pg::heard(pg::announcement::presence);
  const state::exclusive lock(s);
  const bool promoted = std::exchange(s.root->was_standby, is_standby) && !is_standby;
  if (!promoted && (!is_standby || (!registrations && !presence))) return;
  for (state::database_entry *entry : s.databases.entries()) {
    if (entry->present || presence) entry->visited = false;
    if (promoted) state::want_comparison(*entry);
  }
}

void follow_failures(state::shared &s) {
  const uint64 settings = pg::settings::provisioning_digest();
  for (const state::failed_extension &failed : state::failed_extensions(s)) {
    const bool has_library = !failed.library.empty();
    const std::string file = has_library ? pg::library_file(failed.library) : std::string();
    if (has_library && pg::identify_file(file.c_str()) != failed.cause.file)
      state::retry_extension(s, failed.database, failed.name);
    else if (failed.cause.settings != settings)
      state::retry_with_settings(s, failed.database, failed.name, settings);
  }
}

void follow_prepared_transactions(state::shared &s) {
  {
    // more than can be watched: a visit looks which there are, as long as it is so
    const state::exclusive lock(s);
    for (state::database_entry *entry : s.databases.entries())
      if (std::exchange(entry->prepared_overflow, false)) entry->visited = false;
  }
  for (const auto &[database, xid] : state::watched_prepared(s)) {
    const TransactionId id = xid;
    if (!pg::call([id] { return TransactionIdIsInProgress(id); }))
      state::end_prepared(s, database, id);
  }
}

}  // namespace dynpgext::supervision
