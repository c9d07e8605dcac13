// Results of provisioning the extensions of a database.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "shared/root.h"

namespace dynpgext::state {

// The conditions of an extension's failure: when they change, it is tried again.
struct failure_cause {
  pg::file_identity file;      // its library
  uint64 settings;             // pg::settings::provisioning_digest()
  bool ended_process = false;  // the code of the extension has ended the process that ran it
  bool lacked_memory = false;  // not enough memory, or a limit was reached
  bool had_no_room = false;    // the same for its registrations, which are not published
  bool operator==(const failure_cause &) const = default;
};
// Sets the state of an extension of a database.  These take the lock themselves. `cause`: of a
// failure; without it, the stored cause is kept.
void set_extension_state(shared &s, Oid database, const std::string &extension,
                         model::extension_state state, const std::string &error = {},
                         const failure_cause *cause = nullptr);
// The error of an extension that has ended its process for this same cause.
[[nodiscard]] std::optional<std::string>
fatal_failure(shared &s, Oid database, const std::string &extension, const failure_cause &cause);
// Failed extensions of all databases, with their libraries; empty: none.
struct failed_extension {
  Oid database;
  std::string name;
  std::string library;
  failure_cause cause;
  bool has_chance = false;  // it lacked memory, and some has been given back since
};
[[nodiscard]] std::vector<failed_extension> failed_extensions(shared &s);
// For the launcher: it is pending again, and a visit of its database is requested.
void retry_extension(shared &s, Oid database, const std::string &extension);
// The same because of settings, or of memory that was given back (a digest of these).  Each digest
// is tried only twice: at the first time a visit with the old values may have been in progress.  A
// visit that reads other values than the launcher, from a changed file that was not reloaded, is
// not sent endlessly.
void retry_with(shared &s, Oid database, const std::string &extension, uint64 digest);
// Extensions of the database whose registrations do not fit and are not published.  Takes the lock.
[[nodiscard]] std::set<std::string> extensions_without_room(const shared &s, Oid database);
// Makes room for a state that is set later, when nothing may fail any more.
void prepare_extension_state(shared &s, Oid database, const std::string &extension);
// Removes the states of extensions of the database that are not in the given list.
void keep_extension_states(shared &s, Oid database, const model::registrations &wanted);
// The same for extensions that are not published; after a rollback.
void forget_unpublished_states(shared &s, Oid database);
// Of these databases, without quarantine (guard/quarantine.h).  Caller holds root.lock.
[[nodiscard]] std::vector<model::live_extension> extension_states(const shared &s,
                                                                  std::span<const Oid> databases);
[[nodiscard]] const extension_entry *find_extension(const shared &s, Oid database,
                                                    const std::string &extension);

}  // namespace dynpgext::state
