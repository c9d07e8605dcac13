// The list of databases, and what follows when a database is created or dropped.
#include <unordered_map>
#include <unordered_set>

#include "launcher/launcher.h"
#include "pg/announcement.h"
#include "pg/database.h"
#include "pg/library.h"
#include "pg/ownership.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "shared/attention.h"
#include "shared/comparisons.h"
#include "shared/databases.h"
#include "shared/extension_states.h"
#include "workers/database_end.h"
#include "workers/entry.h"
#include "workers/places.h"

namespace dynpgext::supervision {
namespace {

// datconnlimit of a database whose DROP DATABASE was interrupted
constexpr int32 invalid_database = -2;

// Connected workers get the present owner of their database.
void follow_owners(const state::shared &s, const std::vector<database> &existing) {
  std::unordered_map<Oid, Oid> owners;
  for (const database &d : existing) owners[d.id] = d.owner;
  const state::reading lock(s);
  std::vector<pid_t> processes;
  for (const state::worker_entry *entry : state::workers_with_process(s))
    if (!entry->exited) processes.push_back(entry->pid);
  for (const state::runner_entry *entry : s.runners.entries())
    if (entry->pid != 0) processes.push_back(entry->pid);
  for (const pid_t pid : processes) {
    const auto found = owners.find(pg::database_of_process(pid));
    if (found != owners.end()) pg::follow_owner(pid, found->first, found->second);
  }
}

}  // namespace

std::vector<database> existing_databases() {
  pg::begin_transaction();
  std::vector<database> found;
  {
    const pg::relation databases(DatabaseRelationId, AccessShareLock);
    for (const pg::row &row : databases.rows())
      found.push_back({row.oid(Anum_pg_database_oid - 1), row.writer(),
                       row.oid(Anum_pg_database_datdba - 1),
                       pg::is_superuser(row.oid(Anum_pg_database_datdba - 1)),
                       row.boolean(Anum_pg_database_datallowconn - 1) &&
                           row.integer(Anum_pg_database_datconnlimit - 1) != invalid_database});
  }
  pg::commit_transaction();
  return found;
}

namespace {

void read_databases(state::shared &s) {
  // Known databases are read first, then existing ones: a database created in between does not
  // count as dropped.
  std::vector<Oid> known;
  {
    const state::reading lock(s);
    for (const state::database_entry *entry : s.databases.entries())
      known.push_back(entry->key.database);
  }
  const std::vector<database> existing = existing_databases();
  std::unordered_set<Oid> there;
  for (const database &d : existing) there.insert(d.id);
  for (const Oid id : known)
    if (there.count(id) == 0) state::forget_database(s, id);
  follow_owners(s, existing);
  const state::exclusive lock(s);
  for (const database &d : existing) {
    if (d.connectable) {
      state::database_entry *entry = s.databases.insert({d.id});  // a new one has not been visited
      state::set_owner(s, *entry, d.of_superuser ? InvalidOid : d.owner);
      const bool was_unreachable = std::exchange(entry->unreachable, false);
      const bool has_changed = entry->row != 0 && entry->row != d.row;
      if (was_unreachable || has_changed) entry->visited = false;
      if (std::exchange(entry->trusted, d.of_superuser) != d.of_superuser || was_unreachable)
        state::attend(s, d.id);
    } else if (state::database_entry *entry = s.databases.find({d.id})) {
      if (!std::exchange(entry->unreachable, true)) state::attend(s, d.id);
      entry->visited = true;
    }
  }
}

}  // namespace

void databases_follower::follow(state::shared &s, pg::moment now) {
  // now and then even without a change, in case one was missed
  constexpr std::chrono::seconds longest(60);
  pg::hear();
  const bool changed = pg::heard_of_databases();
  if (!changed && !must_read_ && read_at_.is_set() && now - read_at_ < longest) return;
  // once more after a change: a process that is just starting may have read the catalog before it
  must_read_ = changed;
  read_at_ = now;
  read_databases(s);
}

void follow_replay(state::shared &s) {
  const bool is_standby = RecoveryInProgress();
  const bool registrations = pg::heard(pg::announcement::registrations);
  const bool presence = pg::heard(pg::announcement::presence);
  const state::exclusive lock(s);
  const bool promoted = std::exchange(s.root->was_standby, is_standby) && !is_standby;
  if (promoted) state::attend_all(s);
  if (!promoted && (!is_standby || (!registrations && !presence))) return;
  for (state::database_entry *entry : s.databases.entries()) {
    if (entry->present || presence) entry->visited = false;
    if (promoted) state::want_comparison(*entry);
  }
}

void follow_failures(state::shared &s) {
  const uint64 settings = pg::settings::provisioning_digest();
  const uint64 freed = s.root->memory_freed;
  for (const state::failed_extension &failed : state::failed_extensions(s)) {
    const bool has_library = !failed.library.empty();
    const std::string file = has_library ? pg::library_file(failed.library) : std::string();
    if (has_library && pg::identify_file(file.c_str()) != failed.cause.file)
      state::retry_extension(s, failed.database, failed.name);
    else if (failed.cause.settings != settings)
      state::retry_with(s, failed.database, failed.name, settings);
    else if (failed.has_chance)
      state::retry_with(s, failed.database, failed.name, settings + freed);
  }
}

void follow_prepared_transactions(state::shared &s) {
  {
    // too many to watch: as long as that is so, a visit reads which exist
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
