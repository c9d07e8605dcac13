#include "workers/workers.h"

#include "pg/process.h"
#include "shared/access.h"
#include "shared/databases.h"
#include "shared/pauses.h"
#include "shared/processes.h"
#include "shared/publication.h"
#include "shared/versions.h"
#include "workers/entry.h"

namespace dynpgext::state {

std::vector<model::live_worker> live_workers(std::span<const worker_copy> copies) {
  std::vector<model::live_worker> result;
  result.reserve(copies.size());
  for (const worker_copy &copy : copies) {
    const worker_entry &entry = copy.entry;
    if (entry.ticket == 0 && entry.source == InvalidOid) continue;  // only prepared
    if (entry.held_back) continue;                                  // not committed yet
    const bool waits = entry.state == model::worker_state::waiting;
    result.push_back({entry.key.home, definition_of(copy), version_of(copy), entry.source,
                      entry.incarnation, entry.state, entry.is_leaving(), entry.ticket,
                      terms_of(entry), is_at_rest(entry), entry.next_start_at.microseconds, false,
                      waits ? entry.waits_since.microseconds : 0});
  }
  return result;
}

std::vector<model::live_database> live_databases(const shared &s, std::span<const Oid> databases) {
  std::vector<model::live_database> result;
  for (const Oid database : databases) {
    const database_entry *entry = s.databases.find({database});
    if (entry == nullptr) continue;
    const bool closed = entry->unreachable || is_blocked(s, database);
    model::live_database &known = result.emplace_back();
    known = {database, closed, entry->trusted};
    if (s.root->paused == 0) continue;
    for (const pause_entry *pause : s.pauses.entries()) {
      if (pause->database != database) continue;
      if (!pause->extension.view().empty()) known.paused.push_back(pause->extension.str());
      for (const extension_entry *e : s.extensions.of(database))
        if (pause->extension.view().empty() && is_of(*pause, e->key.extension.view()))
          known.paused.push_back(e->key.extension.str());
    }
  }
  return result;
}

std::optional<loaded_library> loaded_file(const shared &s, const worker_identity &id) {
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  return entry == nullptr ? std::nullopt : loaded_file(s, *entry);
}

std::optional<loaded_library> loaded_file(const shared &s, const worker_entry &entry) {
  const process_entry *process =
      entry.pid == 0 || entry.exited ? nullptr : s.processes.find({entry.pid});
  if (process == nullptr) return std::nullopt;
  return loaded_library{process->file.str(), process->loaded, process->own, s.root->launcher_build};
}

bool is_stale(const loaded_library &library) {
  const bool is_replaced =
      !library.file.empty() && pg::identify_file(library.file.c_str()) != library.identity;
  return is_replaced || is_library_old(library.own, library.of_launcher);
}

std::optional<worker_status> status_of(const shared &s, const worker_identity &id) {
  const reading lock(s);
  const worker_entry *entry = s.workers.find(key_of(id));
  if (entry == nullptr) return std::nullopt;
  return worker_status{entry->state, entry->pid, entry->pid_birth, error_of(s, *entry)};
}

void settle_workers(const shared &s, const global_names &names) {
  for (const global_name &name : names) {
    if (name.kind != model::object_kind::worker) continue;
    worker_entry *entry = s.workers.find(key_of({InvalidOid, name.extension, name.name}));
    if (entry == nullptr || !OidIsValid(entry->source)) continue;
    const desired_databases desired = holders_of(s, name);
    const worker_copy entries[] = {copy_of(s, *entry)};
    std::vector<Oid> databases;
    for (const model::desired_database &d : desired) databases.push_back(d.database);
    const auto wanted = model::wanted_workers(
        desired, {.workers = live_workers(entries), .databases = live_databases(s, databases)});
    // a hosted worker runs in a process of its database, and must be replaced
    if (wanted.empty() || wanted.front().definition->hosted) continue;
    const model::wanted_worker &w = wanted.front();
    if (entry->source == w.source || version_of(s, *entry) != w.owner->version ||
        !model::same_process(definition_of(s, *entry), *w.definition))
      continue;
    run_for(s, *entry, w.source, w.owner->incarnation);
  }
}

bool has_process(const worker_status &status) {
  return model::is_active(status.state) || pg::process_exists(status.pid, status.pid_birth);
}

}  // namespace dynpgext::state
