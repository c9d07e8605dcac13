// The registrations of this database: tables dynpgext.registered_extension,
// registered_allocation and registered_worker, and what DBAs set: worker_settings.  Names, not
// OIDs, so that they survive pg_upgrade and mean the same on a standby.
#pragma once

#include <optional>
#include <vector>

#include "model/reconcile.h"
#include "model/registration.h"
#include "pg/relation.h"

namespace dynpgext::catalog {

// Access to the tables, in the transaction in which it was opened.
class store {
 public:
  // Nothing where this database does not have dynpgext (or a transaction is dropping it).
  // Only tables that belong to the extension count.
  [[nodiscard]] static std::optional<store> open();

  // The newest committed rows and those of this transaction.  AccessShareLock until its end.
  [[nodiscard]] model::registrations read() const;
  [[nodiscard]] std::vector<model::extension> read_extensions() const;

  // Makes the rows of one extension equal to the given ones, touching only what differs.
  // RowExclusiveLock until the end of the transaction.  Returns whether anything differed.
  bool write(const model::extension &extension, const std::vector<model::allocation> &allocations,
             const std::vector<model::worker> &workers) const;
  // What the DBA has set for a worker, in place of what was set before.
  void write(const model::worker_settings &settings) const;
  // Until the end of the transaction nobody else changes settings, or drops an extension that has
  // some; readers go on.  Waits for those who are at it.
  void lock_settings() const;
  // Takes the lock that erase() needs, before others that come after it.
  void expect_erase() const;
  // Removes all rows of an extension.
  void erase(const std::string &extension) const;

  // Who owns dynpgext in this database: the role that inits run as.
  [[nodiscard]] Oid owner() const { return owner_; }

 private:
  store() = default;
  template <class Row>
  bool make_equal(const std::string &extension, const std::vector<Row> &wanted) const;

  Oid extensions_ = InvalidOid;
  Oid allocations_ = InvalidOid;
  Oid workers_ = InvalidOid;
  Oid settings_ = InvalidOid;
  Oid owner_ = InvalidOid;

  friend struct tables;
};

// pg_extension, without dynpgext itself.
[[nodiscard]] std::vector<model::installed_extension> installed_extensions();

}  // namespace dynpgext::catalog
