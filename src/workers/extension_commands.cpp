#include "workers/extension_commands.h"

#include <set>

#include "pg/database.h"
#include "pg/fault.h"
#include "pg/process.h"
#include "shared/attention.h"
#include "shared/pauses.h"
#include "workers/entry.h"

namespace dynpgext::state {
namespace {

bool is_connected(const worker_entry &entry, Oid database) {
  return entry.pid != 0 && pg::database_of_process(entry.pid) == database;
}

// Does the worker belong to the database, run for it, or have a connection to it?
bool is_of(const worker_entry &entry, Oid database) {
  return entry.key.home == database || entry.source == database || is_connected(entry, database);
}

// Workers that run for this database, or may be connected to it.
std::vector<worker_entry *> workers_about(const shared &s) {
  std::vector<worker_entry *> found = s.workers.of(MyDatabaseId);
  for (worker_entry *entry : workers_with_process(s))
    if (entry->links.list != MyDatabaseId) found.push_back(entry);
  return found;
}

// A global worker connected to another database holds no locks here.
bool is_in_the_way(const worker_entry &entry, Oid database) {
  if (entry.pid == 0 || entry.exited) return false;
  if (entry.pid == MyProcPid && (!entry.hosted || entry.busy)) return false;  // it runs the command
  // without a database it holds no locks
  if (!entry.hosted && (entry.flags & BGWORKER_BACKEND_DATABASE_CONNECTION) == 0) return false;
  if (OidIsValid(entry.key.home) || entry.hosted) return true;
  const Oid connected = pg::database_of_process(entry.pid);
  return connected == database || (!OidIsValid(connected) && entry.source == database);
}

}  // namespace

std::vector<std::string> extensions_with_workers(const shared &s) {
  std::set<std::string> found;
  const reading lock(s);
  for (const worker_entry *entry : workers_about(s))
    if (is_of(*entry, MyDatabaseId)) found.insert(entry->key.extension.str());
  return {found.begin(), found.end()};
}

std::vector<worker_identity> pause_extensions(shared &s, std::span<const std::string> extensions) {
  watch_pauses();
  const std::set<std::string> news = unpaused(extensions);
  std::vector<worker_identity> told;
  if (news.empty()) return told;
  {
    const exclusive lock(s);
    for (const std::string &extension : news) pause(s, extension);
    for (worker_entry *entry : workers_about(s)) {
      if (news.count(entry->key.extension.str()) == 0 || !is_of(*entry, MyDatabaseId) ||
          !is_in_the_way(*entry, MyDatabaseId))
        continue;
      told.push_back(identity_of(*entry));
      make_way(s, *entry, MyDatabaseId, command_on::extension);
    }
    changed(s);
  }
  DYNPGEXT_FAULT_POINT("pause.told");
  return told;
}

void recall_pauses(shared &s) {
  {
    const reading lock(s);
    if (!are_pauses_missing(s)) return;
  }
  const std::vector<pg::noted_pause> found = pg::prepared_pauses();
  const exclusive lock(s);
  if (!are_pauses_missing(s)) return;
  for (const pg::noted_pause &noted : found) adopt_pause(s, noted);
  s.root->pauses_recalled = true;
  for (const pg::noted_pause &noted : found)
    for (worker_entry *entry : s.workers.entries())
      if (is_of(*entry, noted.database) &&
          pg::hash_of_extension(entry->key.extension.view()) == noted.extension &&
          is_in_the_way(*entry, noted.database))
        make_way(s, *entry, noted.database, command_on::extension);
  changed(s);
  attend_waiting(s);
}

}  // namespace dynpgext::state
