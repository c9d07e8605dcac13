// How provisioning the extensions of a database went.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "shared/root.h"

namespace dynpgext::state {

// What an extension has failed with: when that changes, it is tried again.
struct failure_cause {
  pg::file_identity file;      // its library
  uint64 settings;             // pg::settings::provisioning_digest()
  bool ended_process = false;  // the code of the extension has ended the process that ran it
  bool lacked_memory = false;  // there was not enough of it, or a limit was reached
  bool had_no_room = false;    // that was so for its registrations: they are not published
  bool operator==(const failure_cause &) const = default;
};
// How an extension of a database is doing.  These take the lock themselves.
// `cause`: of one that has failed; not given, what is known is kept.
void set_extension_state(shared &s, Oid database, const std::string &extension,
                         model::extension_state state, const std::string &error = {},
                         const failure_cause *cause = nullptr);
// Why an extension has failed, if it has ended its process for this same cause.
[[nodiscard]] std::optional<std::string>
fatal_failure(shared &s, Oid database, const std::string &extension, const failure_cause &cause);
// Extensions that have failed, of all databases, with their libraries; empty: none.
struct failed_extension {
  Oid database;
  std::string name;
  std::string library;
  failure_cause cause;
  bool has_chance = false;  // it lacked memory, and some has been given back since
};
[[nodiscard]] std::vector<failed_extension> failed_extensions(shared &s);
// For the launcher: it is pending again, and its database is to be visited.
void retry_extension(shared &s, Oid database, const std::string &extension);
// The same because of settings, or of memory that has been given back (a digest of these), which
// are tried twice only: the first time a visit may have been under way with the old ones, and one
// that reads others than the launcher, from a file that is changed but not reloaded, is not sent
// again and again.
void retry_with(shared &s, Oid database, const std::string &extension, uint64 digest);
// Those of the database whose registrations are not published for want of room.  Takes the lock.
[[nodiscard]] std::set<std::string> extensions_without_room(const shared &s, Oid database);
// Makes room for a state that is to be set later, when nothing may fail any more.
void prepare_extension_state(shared &s, Oid database, const std::string &extension);
// Forgets the states of extensions of the database that are not among the given ones.
void keep_extension_states(shared &s, Oid database, const model::registrations &wanted);
// The same against what is published; after a rollback.
void forget_unpublished_states(shared &s, Oid database);
// Of these databases, without what is quarantined (guard/quarantine.h).  Caller holds root.lock.
[[nodiscard]] std::vector<model::live_extension> extension_states(const shared &s,
                                                                  std::span<const Oid> databases);
[[nodiscard]] const extension_entry *find_extension(const shared &s, Oid database,
                                                    const std::string &extension);

}  // namespace dynpgext::state
