#include "state/workers.h"

#include <map>

#include "pg/process.h"
#include "state/database_commands.h"
#include "state/worker_entry.h"

namespace dynpgext::state {

std::string name_of(const worker_identity &id) {
  return "background worker \"" + id.name + "\" of extension \"" + id.extension + "\"";
}

worker_key key_of(const worker_identity &id) {
  worker_key key{};
  key.home = id.home;
  key.extension.assign(id.extension);
  key.name.assign(id.name);
  return key;
}

std::vector<model::live_worker> live_workers(const shared &s) {
  std::vector<model::live_worker> result;
  for (const worker_entry *entry : s.workers.entries()) {
    if (entry->ticket == 0 && entry->source == InvalidOid) continue;  // only prepared
    if (entry->held_back) continue;                                   // not committed yet
    result.push_back({entry->key.home, definition_of(*entry), entry->version.str(), entry->source,
                      entry->incarnation, entry->state, entry->is_leaving(), entry->ticket,
                      terms_of(*entry), is_at_rest(*entry), entry->next_start_at.microseconds,
                      false});
  }
  return result;
}

std::vector<model::live_database> live_databases(const shared &s) {
  std::map<Oid, model::live_database> found;
  for (const database_entry *entry : s.databases.entries()) {
    const bool closed = entry->unreachable || is_blocked(s, entry->key.database);
    if (closed || entry->trusted)
      found[entry->key.database] = {entry->key.database, closed, entry->trusted};
  }
  if (s.root->paused != 0)
    for (const pause_entry *pause : s.pauses.entries()) {
      model::live_database &database = found[pause->database];
      database.database = pause->database;
      database.paused.push_back(pause->extension.str());
    }
  std::vector<model::live_database> result;
  result.reserve(found.size());
  for (auto &[id, database] : found) result.push_back(std::move(database));
  return result;
}

std::optional<loaded_library> loaded_file(const shared &s, const worker_identity &id) {
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  if (entry == nullptr || entry->pid == 0 || entry->exited || entry->file.bytes[0] == '\0')
    return std::nullopt;
  return loaded_library{entry->file.str(), entry->loaded};
}

bool is_stale(const loaded_library &library) {
  return pg::identify_file(library.file.c_str()) != library.identity;
}

std::optional<worker_status> status_of(const shared &s, const worker_identity &id) {
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  if (entry == nullptr) return std::nullopt;
  return worker_status{entry->state, entry->pid, entry->pid_birth, entry->last_error.str()};
}

void settle_workers(shared &s, const std::vector<model::desired_database> &desired) {
  for (const model::wanted_worker &wanted : model::wanted_workers(
           desired, {.workers = live_workers(s), .databases = live_databases(s)})) {
    // one that is hosted runs in a process of its database: it is replaced
    if (wanted.definition->scope != model::scope::global || wanted.definition->hosted) continue;
    worker_entry *entry =
        s.workers.find(key_of({InvalidOid, wanted.definition->extension, wanted.definition->name}));
    if (entry == nullptr || entry->source == wanted.source || !OidIsValid(entry->source)) continue;
    if (!model::same_process(definition_of(*entry), *wanted.definition) ||
        entry->version.view() != wanted.owner->version)
      continue;
    entry->source = wanted.source;
    entry->incarnation = wanted.owner->incarnation;
  }
}

bool has_process(const worker_status &status) {
  return model::is_active(status.state) || pg::process_exists(status.pid, status.pid_birth);
}

}  // namespace dynpgext::state
