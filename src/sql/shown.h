// The content of the views of one database, and of those of the cluster: entries of shared memory,
// and registrations.
#pragma once

#include <algorithm>
#include <vector>

#include "extensions/ledger.h"
#include "shared/globals.h"
#include "shared/publication.h"
#include "workers/entry.h"

namespace dynpgext::sql {

// Scope of a view: this database and global objects, or (`whole`) the cluster.
[[nodiscard]] inline bool is_of_cluster(FunctionCallInfo fcinfo) {
  return DatumGetBool(fcinfo->args[0].value);
}

// The databases with shown registrations.  Under the lock.
[[nodiscard]] std::vector<Oid> databases_shown(const state::shared &s, bool whole);

// With `whole`, of all databases; otherwise this database's, and others' registrations of global
// names.  Takes the lock.
[[nodiscard]] state::desired_databases registrations_shown(const state::shared &s, bool whole);

// Is the worker more than a reserved or abandoned entry?
[[nodiscard]] inline bool is_shown(const state::worker_entry &e) {
  const bool only_prepared = e.ticket == 0 && !OidIsValid(e.source);
  const bool forgotten = e.after == state::after_end::vanish && e.exited;
  return !only_prepared && !forgotten && !e.held_back;
}
// The database in which it was registered; its encoding is that of the names and errors.
[[nodiscard]] inline Oid database_of_names(const state::worker_entry &e) {
  return OidIsValid(e.key.home) ? e.key.home : e.source;
}
// Each attempt to start a worker that waits for a place is a new state.
[[nodiscard]] inline pg::moment state_since(const state::worker_entry &e) {
  const bool waits = e.state == model::worker_state::waiting && e.waits_since.is_set();
  return waits ? e.waits_since : e.since;
}

// The lists of shown entries.  Holds the lock for one of them at a time.
template <class Table>
std::vector<Oid> lists_shown(const state::shared &s, const Table &table, bool whole) {
  if (!whole) return {MyDatabaseId, InvalidOid};
  const state::reading lock(s);
  return table.lists();
}

// Calls f for each shown worker, under the lock.
template <class F>
void for_workers_shown(const state::shared &s, bool whole, F f) {
  for (const Oid list : lists_shown(s, s.workers, whole)) {
    const state::reading lock(s);
    for (const state::worker_entry *entry : s.workers.of(list))
      if (OidIsValid(entry->key.home)) f(*entry);
  }
  // a global worker may move from one list to another
  const state::reading lock(s);
  for (const state::global_name &name : state::all_globals(s)) {
    if (name.kind != model::object_kind::worker) continue;
    if (const state::worker_entry *entry =
            s.workers.find(state::key_of({InvalidOid, name.extension, name.name})))
      f(*entry);
  }
}

// The same for instances: for each name the one that this process would find, and all draining
// ones.
template <class F>
void for_instances_shown(const state::shared &s, bool whole, F f) {
  const auto own = provisioning::transaction_holds();
  for (const Oid list : lists_shown(s, s.allocations, whole)) {
    const state::reading lock(s);
    for (const state::allocation_entry *entry : s.allocations.of(list)) {
      state::instance *best = nullptr;
      for (dsa_pointer p = entry->instances; DsaPointerIsValid(p); p = s.at(p)->next) {
        const bool held = std::any_of(own.begin(), own.end(),
                                      [p](const state::hold &h) { return h.instance == p; });
        const bool published = pg_atomic_read_u32(&s.at(p)->state) ==
                               static_cast<uint32>(state::instance_state::published);
        if (held || (published && best == nullptr)) best = s.at(p);
        if (held) break;
      }
      if (best != nullptr) f(best);
    }
  }
  const state::reading lock(s);
  for (dsa_pointer p = s.root->draining; DsaPointerIsValid(p); p = s.at(p)->next) f(s.at(p));
}

}  // namespace dynpgext::sql
