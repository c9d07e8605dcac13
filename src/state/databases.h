// What each database is known to register, and how provisioning its extensions went.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/reconcile.h"
#include "model/registration_index.h"
#include "state/charge.h"
#include "state/globals.h"
#include "state/root.h"

namespace dynpgext::state {

// What a database registers, as far as it is known to; nullptr: nothing is known.  Caller holds
// root.lock.
[[nodiscard]] std::shared_ptr<const model::registrations> registrations_of(const shared &s,
                                                                           Oid database);
// The same, by key.
[[nodiscard]] std::shared_ptr<const model::registration_index> index_of(const shared &s,
                                                                        Oid database);
// Takes the lock, and decodes them without it: what follows under the lock finds them decoded,
// unless they have changed meanwhile.
void read_ahead(const shared &s, Oid database);
// The same, for one who asks once.  Takes the lock itself.
[[nodiscard]] std::optional<model::registrations> read_registrations(const shared &s, Oid database);
using desired_databases = std::vector<model::desired_database>;
// Of all databases: for what is about all of them.  Caller holds root.lock.
[[nodiscard]] desired_databases all_registrations(const shared &s);

// Which one of the databases that have had its OID the database is, see pg/database_mark.h.
struct database_identity {
  std::string mark;
  uint32 row = 0;
};
// Of the current database.  In a transaction.
[[nodiscard]] database_identity current_database_identity();
// Registrations ready to be published: what can fail (memory) has been done.  Not publishing
// them, and failing in the constructor, gives the memory back.
class publication {
 public:
  publication(shared &s, Oid database, const model::registrations &wanted, bool present,
              database_identity identity = {});
  publication(const publication &) = delete;
  publication &operator=(const publication &) = delete;

  // In place of what was published before.  Exclusive lock.  Allocates nothing.
  void publish();
  [[nodiscard]] Oid database() const { return database_; }
  [[nodiscard]] const model::registrations &wanted() const { return wanted_; }
  // The global names that it registers, or did before.
  [[nodiscard]] const global_names &touched() const { return holdings_.touched(); }

 private:
  shared &shared_;
  Oid database_;
  model::registrations wanted_;
  bool present_;
  database_identity identity_;
  uint32 size_ = 0;
  std::optional<charge> charge_;
  std::optional<pg::allocation> bytes_;
  global_holdings holdings_;
};

// What an extension has failed with: when that changes, it is tried again.
struct failure_cause {
  pg::file_identity file;      // its library
  uint64 settings;             // pg::settings::provisioning_digest()
  bool ended_process = false;  // the code of the extension has ended the process that ran it
  bool lacked_memory = false;  // there was not enough of it, or a limit was reached
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
// Makes room for a state that is to be set later, when nothing may fail any more.
void prepare_extension_state(shared &s, Oid database, const std::string &extension);
// Forgets the states of extensions of the database that are not among the given ones.
void keep_extension_states(shared &s, Oid database, const model::registrations &wanted);
// The same against what is published; after a rollback.
void forget_unpublished_states(shared &s, Oid database);
// Of these databases.  Caller holds root.lock.
[[nodiscard]] std::vector<model::live_extension> extension_states(const shared &s,
                                                                  std::span<const Oid> databases);
[[nodiscard]] const extension_entry *find_extension(const shared &s, Oid database,
                                                    const std::string &extension);

// What is known of the database is known of this one.
void note_database_identity(shared &s, Oid database, const database_identity &now);
// For the launcher, which is connected to no database: may it be another one by now?  A visit finds
// out.
[[nodiscard]] bool may_be_another(const shared &s, Oid database);

// Is anything known of the database?
[[nodiscard]] bool is_known(const shared &s, Oid database);
// Has everything registered in the database been provisioned, or at least been tried?
[[nodiscard]] bool is_provisioned(const shared &s, Oid database);
void set_provisioned(shared &s, Oid database);

// What ALTER DATABASE says of dynpgext.max_database_workers; nothing: the server's value holds.
void set_worker_limit(shared &s, Oid database, const std::optional<std::string> &setting);
// Is that what is known of it?
[[nodiscard]] bool is_worker_limit(const shared &s, Oid database,
                                   const std::optional<std::string> &setting);

// Asks the launcher to send a process to the database.  False when one is on its way already.
bool want_visit(shared &s, Oid database);
// Remembers a prepared transaction whose end may change what the database registers.
void watch_prepared(shared &s, Oid database, TransactionId xid);
// Those that are remembered, of all databases.
[[nodiscard]] std::vector<std::pair<Oid, TransactionId>> watched_prepared(const shared &s);
// Has ended: the database is to be visited.
void end_prepared(shared &s, Oid database, TransactionId xid);

}  // namespace dynpgext::state
