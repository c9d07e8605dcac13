// The registrations of this database: tables dynpgext.registered_extension, registered_allocation
// and registered_worker with their companions registered_command and registered_content; DBAs'
// settings: worker_settings, manifests; roles of commands: identities; and whether the database is
// being restored.  Names, not OIDs, so that they survive pg_upgrade and mean the same on a standby;
// except roles by OID, which both keep.
#pragma once

#include <optional>
#include <vector>

#include "model/command.h"
#include "model/installed.h"
#include "model/registration.h"
#include "pg/relation.h"

namespace dynpgext::catalog {

// Access to the tables, in the transaction in which it was opened.
class store {
 public:
  // nullopt if this database does not have dynpgext (or a transaction is dropping it).  Only tables
  // that belong to the extension count.  55000 if they are of a newer version than this library.
  [[nodiscard]] static std::optional<store> open();

  // The newest committed rows and those of this transaction.  AccessShareLock until its end.
  [[nodiscard]] model::registrations read() const;
  [[nodiscard]] std::vector<model::extension> read_extensions() const;

  // The commands of SQL workers, and the initial content of memory; of one extension, or (empty) of
  // all.
  [[nodiscard]] std::vector<model::command> read_commands(const std::string &extension) const;
  [[nodiscard]] std::vector<model::content> read_contents(const std::string &extension) const;

  // Makes the rows of one extension equal to the given ones, writing only differences.
  // RowExclusiveLock until the end of the transaction.  Returns whether anything differed.
  bool write(const model::extension &extension, const std::vector<model::allocation> &allocations,
             const std::vector<model::worker> &workers) const;
  // The same for the companions of declared workers and allocations.  The roles of commands are
  // held (pg/role_hold.h) as long as the commands exist.
  void write(const std::string &extension, const std::vector<model::command> &commands,
             const std::vector<model::content> &contents) const;
  // Releases roles that no command needs any more, except those that an open transaction may come
  // to need.  With `waits`, waits for another transaction doing this; without, leaves it to that
  // one.
  void let_go_of_roles(bool waits) const;
  // Replaces the DBA's settings for a worker.  The caller has the turn on the extension's settings.
  void write(const model::worker_settings &settings) const;
  // Removes all rows of an extension.
  void erase(const std::string &extension) const;

  // May this transaction have changed the result of read()?  In doubt, true.
  [[nodiscard]] bool may_have_written() const;

  // Replaces the row about a restore of the database; nullopt: none.
  void write(const std::optional<model::restore> &restore) const;
  [[nodiscard]] std::optional<model::restore> read_restore() const;
  // Until the end of the transaction no other transaction writes that row; before later locks.
  void expect_restore() const;

  // Registrations made by hand (JSON), by extension.
  struct manifest_row {
    std::string extension;
    std::string manifest;
    bool followed = false;  // it has been declared
    std::string refusal;    // the reported reason why it has not
    bool ours = false;      // written by this transaction
  };
  [[nodiscard]] std::vector<manifest_row> read_manifests() const;
  void mark_followed(const manifest_row &row) const;
  void mark_refused(const manifest_row &row, const std::string &why) const;
  // Tables that users write, with triggers that may be disabled.
  [[nodiscard]] Oid manifests() const;
  [[nodiscard]] Oid identities() const;
  [[nodiscard]] Oid settings() const { return settings_; }
  // Replaces the row; empty: none.  It counts as followed.
  void write_manifest(const std::string &extension, const std::string &manifest) const;

  // The role of a command for pg_dump: a restored row may differ from the command.
  struct identity_row {
    std::string extension;
    std::string worker;
    pg::role_reference run_as;
    pg::role_reference registered_by;
    bool superuser = false;
    bool without_login = false;
    bool by_hand = false;
    std::string decided_in = {};     // empty: SQL has written the row, and it does not count
    std::string foreign_owner = {};  // see model::command_identity
    [[nodiscard]] bool counts() const { return !decided_in.empty(); }
  };
  [[nodiscard]] std::vector<identity_row> read_identities() const;
  // Rows that SQL has written count from now on.
  void accept_identities() const;
  // Makes the rows of one extension match its commands.  A row whose command has no role keeps the
  // names in `known`.  With rows_of::commands, rows of other workers stay: a restore may bring them
  // before their manifest.
  enum class rows_of : std::uint8_t { extension, commands };
  void write_identities(const std::string &extension, const std::vector<model::command> &commands,
                        const std::vector<identity_row> &known,
                        rows_of replaced = rows_of::extension) const;

  // Removes the roles of this command from later dumps.
  void clear_identity(const std::string &extension, const std::string &worker) const;

  // The owner of dynpgext in this database: the role of inits.
  [[nodiscard]] Oid owner() const { return owner_; }
  [[nodiscard]] Oid dynpgext() const { return dynpgext_; }

 private:
  store() = default;
  template <class Row>
  bool make_equal(Oid table, const std::string &extension, const std::vector<Row> &wanted) const;
  // One of the companions, which only manifests need.
  [[nodiscard]] Oid companion(const char *table) const;
  void write_followed(const std::string &extension, const std::string &manifest,
                      const std::string &refusal) const;
  template <class Row>
  [[nodiscard]] std::vector<Row> read_companion(const char *table,
                                                const std::string &extension) const;
  template <class Row>
  void write_companion(const char *table, const std::string &extension,
                       const std::vector<Row> &wanted) const;

  [[nodiscard]] std::vector<Oid> unneeded_roles() const;
  void keep_held(const std::vector<Oid> &roles) const;

  Oid dynpgext_ = InvalidOid;
  Oid extensions_ = InvalidOid;
  Oid allocations_ = InvalidOid;
  Oid workers_ = InvalidOid;
  Oid settings_ = InvalidOid;
  Oid owner_ = InvalidOid;
};

// pg_extension, without dynpgext itself.
[[nodiscard]] std::vector<model::installed_extension> installed_extensions();

}  // namespace dynpgext::catalog
