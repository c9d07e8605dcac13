// Table rows, read and written below SQL: independent of the session's search_path, operators,
// policies and privileges.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

inline constexpr int max_columns = 32;

// By the server's comparison of intervals: a day has 24 hours, a month 30 days.
[[nodiscard]] int64 interval_microseconds(const Interval &value);

// A row that was read.  A column that is NULL, or missing in the table (until ALTER EXTENSION
// dynpgext UPDATE the table may be older than the library), is empty, 0 or false.
class row {
 public:
  row() = default;
  // as passed to a trigger
  row(HeapTuple tuple, Relation table);
  [[nodiscard]] bool is_null(int column) const { return nulls_[column]; }
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::string name(int column) const;
  [[nodiscard]] std::string json(int column) const;  // from a jsonb
  [[nodiscard]] bool boolean(int column) const { return DatumGetBool(values_[column]); }
  [[nodiscard]] int32 integer(int column) const { return DatumGetInt32(values_[column]); }
  [[nodiscard]] int64 bigint(int column) const { return DatumGetInt64(values_[column]); }
  [[nodiscard]] Oid oid(int column) const { return DatumGetObjectId(values_[column]); }
  [[nodiscard]] Datum datum(int column) const { return values_[column]; }
  [[nodiscard]] int64 interval(int column) const;  // in milliseconds
  [[nodiscard]] struct role_reference role(int column) const;
  // The transaction that wrote it, even if it is frozen.
  [[nodiscard]] TransactionId writer() const { return HeapTupleHeaderGetRawXmin(tuple_->t_data); }
  // Written by this transaction (or one of its subtransactions)?
  [[nodiscard]] bool is_ours() const;

 private:
  friend class relation;
  HeapTuple tuple_;
  Datum values_[max_columns];
  bool nulls_[max_columns];
};

// A role in a column of type dynpgext.role: by OID, or by name if it does not exist.
struct role_reference {
  Oid role = InvalidOid;
  std::string name;
};
[[nodiscard]] Datum role_datum(const role_reference &role);
[[nodiscard]] role_reference role_of_datum(Datum value);

// A row to be written.  Columns beyond the given ones are NULL.
class values {
 public:
  values &text(std::string_view value);
  values &name(std::string_view value);
  values &json(const std::string &value);  // into a jsonb
  values &boolean(bool value) { return add(BoolGetDatum(value)); }
  values &integer(int32 value) { return add(Int32GetDatum(value)); }
  values &oid(Oid value) { return add(ObjectIdGetDatum(value)); }
  values &bigint(int64 value) { return add(Int64GetDatum(value)); }
  values &interval(int64 milliseconds);
  values &timestamp(TimestampTz value) { return add(TimestampTzGetDatum(value)); }
  values &role(const role_reference &value) { return add(role_datum(value)); }
  values &null();

 private:
  friend class relation;
  values &add(Datum value);
  int next_ = 0;
  Datum values_[max_columns] = {};
  bool nulls_[max_columns] = {};
};

// An open table.  The lock is kept until the end of the transaction.
class relation {
 public:
  relation(Oid id, LOCKMODE mode);
  relation(const relation &) = delete;
  relation &operator=(const relation &) = delete;
  ~relation();

  // All rows visible to the newest snapshot and this transaction.
  [[nodiscard]] std::vector<row> rows() const;
  // False if a unique index refuses it; then the transaction must be rolled back.
  [[nodiscard]] bool insert(const values &row) const;
  void erase(const row &row) const;

 private:
  Relation relation_;
};

// The server's text of a jsonb; and a jsonb, in the current memory context.
[[nodiscard]] std::string json_text(Datum value);
[[nodiscard]] Datum json_datum(const std::string &text);

// OID of schema.name if it belongs to the extension; otherwise InvalidOid, so that another role's
// table is never trusted.  AccessShareLock on it.
[[nodiscard]] Oid member_table(Oid extension, const char *schema, const char *name);
// May this transaction have written rows of the table?  Checks its locks.
[[nodiscard]] bool may_have_written(Oid table);
// Does the table belong to the extension?  Takes no lock.
[[nodiscard]] bool is_member_table(Oid table, const char *extension);
// An extension of this database in pg_extension.
struct extension_facts {
  Oid owner;
  Oid schema;
};
[[nodiscard]] std::optional<extension_facts> find_extension(const std::string &name);

// OID of an extension of this database, or InvalidOid; and its owner.
[[nodiscard]] Oid extension_oid(const char *name);
[[nodiscard]] Oid extension_owner(Oid extension);
struct installed_copy {
  Oid owner = BOOTSTRAP_SUPERUSERID;
  std::string version;  // empty: it is being dropped
};
[[nodiscard]] installed_copy find_installed(Oid extension);
// This transaction's turn to register for it, see turn in pg/lock.h; until its end nobody drops the
// extension, if event triggers fire.  False if it does not exist.
[[nodiscard]] bool lock_extension(const char *name);
// Transactions that take the same table's turn run one after the other; nobody else waits for them.
void take_turn(Oid table);
// The extension whose script this process runs; empty: none.
[[nodiscard]] std::string extension_in_creation();

}  // namespace dynpgext::pg
