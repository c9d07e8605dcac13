// Values with which several tests begin.
#pragma once

#include <string>
#include <utility>

#include "model/reconcile.h"

namespace dynpgext::model::samples {

inline constexpr worker_state all_worker_states[] = {
    worker_state::registered,  worker_state::starting,    worker_state::running,
    worker_state::stopping,    worker_state::stopped,     worker_state::failed,
    worker_state::backoff,     worker_state::waiting,     worker_state::disabled,
    worker_state::quarantined, worker_state::unresponsive};

inline extension extension_of(std::string name, std::string version = "1.0",
                              std::int64_t incarnation = 1) {
  extension e;
  e.name = std::move(name);
  e.version = std::move(version);
  e.library = "$libdir/" + e.name;
  e.incarnation = incarnation;
  return e;
}

inline allocation allocation_of(std::string extension, std::string name, scope where,
                                std::uint64_t size = 64) {
  allocation a;
  a.extension = std::move(extension);
  a.name = std::move(name);
  a.scope = where;
  a.size = size;
  return a;
}

inline worker worker_of(std::string extension, std::string name, scope where) {
  worker w;
  w.library = "$libdir/" + extension;
  w.extension = std::move(extension);
  w.name = std::move(name);
  w.type = w.name;
  w.scope = where;
  w.function = "main";
  w.flags = 1;
  w.start = 2;
  return w;
}

// The DBA's setting for the worker.
inline worker_settings settings_of(const worker &w, std::optional<bool> enabled,
                                   std::optional<restart_policy> restart = {},
                                   std::optional<std::int64_t> delay = {}) {
  return {w.extension, w.name, enabled, restart, delay};
}

// The author's terms of supervision.
inline worker_terms terms_of(const worker &w) { return {true, w.restart, w.restart_delay}; }

// ---- databases that want one object, and its live state --------------------------------------

inline constexpr database_id db1 = 101;
inline constexpr database_id db2 = 102;
inline constexpr database_id db3 = 103;

inline const worker local_worker = worker_of("a", "w", scope::database);
inline const worker global_worker = worker_of("a", "w", scope::global);
inline const allocation local_memory = allocation_of("a", "m", scope::database);
inline const allocation global_memory = allocation_of("a", "m", scope::global);

inline desired_database with_worker(database_id where, const worker &w,
                                    const std::string &version = "1.0",
                                    std::int64_t incarnation = 1) {
  desired_database d;
  d.database = where;
  d.registrations.extensions = {extension_of(w.extension, version, incarnation)};
  d.registrations.workers = {w};
  return d;
}

inline desired_database with_allocation(database_id where, const allocation &a,
                                        std::int64_t incarnation = 1) {
  desired_database d;
  d.database = where;
  d.registrations.extensions = {extension_of(a.extension, "1.0", incarnation)};
  d.registrations.allocations = {a};
  return d;
}

inline live_worker live_of(const desired_database &d, worker_state state) {
  const worker &w = d.registrations.workers.at(0);
  const extension &e = d.registrations.extensions.at(0);
  live_worker live;
  live.home = home_of(w.scope, d.database);
  live.definition = w;
  live.version = e.version;
  live.source = d.database;
  live.incarnation = e.incarnation;
  live.state = state;
  live.terms = terms_of(w);
  return live;
}

inline live_allocation memory_of(const desired_database &d) {
  const allocation &a = d.registrations.allocations.at(0);
  return {home_of(a.scope, d.database),
          a.name,
          a.extension,
          a.size,
          d.database,
          d.registrations.extensions.at(0).incarnation};
}

inline live_extension provisioned(database_id where, const std::string &name = "a") {
  return {where, name, extension_state::provisioned};
}

// ---- circumstances ----------------------------------------------------------------------------

inline const circumstances usual;
inline const circumstances retrying{.retry_failed = true};
inline const circumstances recovering{.in_recovery = true};
inline const circumstances replacing_stale{.replace_stale = true};

}  // namespace dynpgext::model::samples
