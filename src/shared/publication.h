// The published registrations of each database.
#pragma once

#include <memory>
#include <optional>

#include "model/reconcile.h"
#include "model/registration_index.h"
#include "shared/charge.h"
#include "shared/databases.h"
#include "shared/globals.h"

namespace dynpgext::state {

// The known registrations of a database; nullptr: unknown.  Caller holds root.lock.
[[nodiscard]] std::shared_ptr<const model::registrations> registrations_of(const shared &s,
                                                                           Oid database);
// The same, by key.
[[nodiscard]] std::shared_ptr<const model::registration_index> index_of(const shared &s,
                                                                        Oid database);
// Takes the lock, and decodes them without it: later code under the lock finds them decoded, unless
// they have changed meanwhile.
void read_ahead(const shared &s, Oid database);
// The same, for a single use.  Takes the lock itself.
[[nodiscard]] std::optional<model::registrations> read_registrations(const shared &s, Oid database);
using desired_databases = std::vector<model::desired_database>;
// Of all databases: only for requests about all of them.  Caller holds root.lock.
[[nodiscard]] desired_databases all_registrations(const shared &s);

// Registrations ready to be published: everything that can fail (memory) has been done.  Without
// publish(), or if the constructor fails, the memory is given back.
class publication {
 public:
  // They do not fit, and cannot be published, if they need more memory than the database has paid
  // for so far, and a limit would be exceeded.
  publication(shared &s, Oid database, const model::registrations &wanted, bool present,
              database_identity identity = {}, const memory_limits &limits = {});
  publication(const publication &) = delete;
  publication &operator=(const publication &) = delete;

  [[nodiscard]] const charge &price() const { return charge_; }
  // Replaces the published ones.  Exclusive lock.  Allocates nothing.
  void publish();
  [[nodiscard]] Oid database() const { return database_; }
  [[nodiscard]] const model::registrations &wanted() const { return wanted_; }
  // The global names that it registers, or registered before.
  [[nodiscard]] const global_names &touched() const { return holdings_.touched(); }

 private:
  shared &shared_;
  Oid database_;
  model::registrations wanted_;
  bool present_;
  database_identity identity_;
  global_holdings holdings_;
  std::string encoded_;
  charge charge_;
  std::optional<pg::allocation> bytes_;
};

}  // namespace dynpgext::state
