#include "pg/relation.h"

#include "pg/lock.h"

namespace dynpgext::pg {

int64 interval_microseconds(const Interval &value) {
  const int64 days = int64{value.month} * DAYS_PER_MONTH + value.day;
  // out of range long before it could overflow
  const int64 bounded = std::clamp<int64>(days, -100000, 100000);
  const int64 time = std::clamp<int64>(value.time, INT64_MIN / 4, INT64_MAX / 4);
  return bounded * USECS_PER_DAY + time;
}

std::string row::text(int column) const {
  if (is_null(column)) return {};
  const Datum value = values_[column];
  struct varlena *text = call([=] { return PG_DETOAST_DATUM_PACKED(value); });
  return {VARDATA_ANY(text), static_cast<size_t>(VARSIZE_ANY_EXHDR(text))};
}

std::string row::name(int column) const {
  if (is_null(column)) return {};
  return NameStr(*DatumGetName(values_[column]));
}

std::string json_text(Datum value) {
  return call([=] { return DatumGetCString(DirectFunctionCall1(jsonb_out, value)); });
}

Datum json_datum(const std::string &text) {
  const char *from = text.c_str();
  return call([=] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(from)); });
}

std::string row::json(int column) const {
  return is_null(column) ? std::string() : json_text(values_[column]);
}

int64 row::interval(int column) const {
  if (is_null(column)) return 0;
  return interval_microseconds(*DatumGetIntervalP(values_[column])) / 1000;
}

// An OID, followed by the name.
Datum role_datum(const role_reference &role) {
  const std::string_view name = role.name;
  const Oid id = role.role;
  return call([=] {
    const size_t size = VARHDRSZ + sizeof id + name.size();
    auto *value = static_cast<struct varlena *>(palloc(size));
    SET_VARSIZE(value, size);
    std::memcpy(VARDATA(value), &id, sizeof id);
    std::memcpy(VARDATA(value) + sizeof id, name.data(), name.size());
    return PointerGetDatum(value);
  });
}

role_reference role_of_datum(Datum value) {
  const struct varlena *bytes = call([=] { return PG_DETOAST_DATUM_PACKED(value); });
  role_reference result;
  const size_t size = VARSIZE_ANY_EXHDR(bytes);
  if (size < sizeof result.role) return result;
  std::memcpy(&result.role, VARDATA_ANY(bytes), sizeof result.role);
  result.name.assign(VARDATA_ANY(bytes) + sizeof result.role, size - sizeof result.role);
  return result;
}

role_reference row::role(int column) const {
  return is_null(column) ? role_reference{} : role_of_datum(values_[column]);
}

bool row::is_ours() const {
  const TransactionId writer = HeapTupleHeaderGetXmin(tuple_->t_data);
  return call([=] { return TransactionIdIsCurrentTransactionId(writer); });
}

values &values::add(Datum value) {
  Assert(next_ < max_columns);
  values_[next_++] = value;
  return *this;
}

values &values::text(std::string_view value) {
  const char *from = value.empty() ? "" : value.data();
  return add(call([=] {
    return PointerGetDatum(cstring_to_text_with_len(from, static_cast<int>(value.size())));
  }));
}

values &values::interval(int64 milliseconds) {
  return add(call([=] {
    auto *value = static_cast<Interval *>(palloc0(sizeof(Interval)));
    value->time = milliseconds * 1000;
    return IntervalPGetDatum(value);
  }));
}

values &values::null() {
  nulls_[next_] = true;
  return add(Datum{0});
}

values &values::json(const std::string &value) { return add(json_datum(value)); }

values &values::name(std::string_view value) {
  return add(call([=] {
    auto *copy = static_cast<Name>(palloc0(sizeof(NameData)));
    value.copy(NameStr(*copy), NAMEDATALEN - 1);
    return NameGetDatum(copy);
  }));
}

namespace {

// A table that this transaction has already locked is not waited for.
void check_order([[maybe_unused]] Oid id) {
#if DYNPGEXT_CHECKS
  if (id < FirstNormalObjectId) return;
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, id);
  for (LOCKMODE mode = AccessShareLock; mode <= AccessExclusiveLock; ++mode)
    if (is_locked(tag, mode)) return;
  lock_order::acquiring(lock_rank::tables);
  if (provisioning_lock::is_in_use(MyDatabaseId))
    lock_order::broken(lock_rank::tables, "the provisioning lock");
#endif
}

}  // namespace

relation::relation(Oid id, LOCKMODE mode) {
  check_order(id);
  relation_ = call([=] { return table_open(id, mode); });
}

relation::~relation() {
  (void)swallow("closing a table", [this] { call([this] { table_close(relation_, NoLock); }); });
}

row::row(HeapTuple tuple, Relation table) : tuple_(tuple) {
  std::fill(std::begin(values_), std::end(values_), Datum{0});
  std::fill(std::begin(nulls_), std::end(nulls_), true);
  Datum *values = values_;
  bool *nulls = nulls_;
  call([=] {
    if (RelationGetDescr(table)->natts > max_columns)
      elog(ERROR, "dynpgext: too many columns in \"%s\"", RelationGetRelationName(table));
    heap_deform_tuple(tuple, RelationGetDescr(table), values, nulls);
  });
}

std::vector<row> relation::rows() const {
  struct list {
    row *rows;
    size_t count;
  };
  Relation opened = relation_;
  const list all = call([opened] {
    size_t capacity = 64;
    list read{static_cast<row *>(palloc(capacity * sizeof(row))), 0};
    const TupleDesc description = RelationGetDescr(opened);
    if (description->natts > max_columns)
      elog(ERROR, "dynpgext: too many columns in \"%s\"", RelationGetRelationName(opened));
    const SysScanDesc scan = systable_beginscan(opened, InvalidOid, false, nullptr, 0, nullptr);
    for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
         tuple = systable_getnext(scan)) {
      if (read.count == capacity) {
        capacity *= 2;
        read.rows = static_cast<row *>(repalloc_huge(read.rows, capacity * sizeof(row)));
      }
      row *next = &read.rows[read.count++];
      std::memset(next->values_, 0, sizeof next->values_);
      std::memset(next->nulls_, true, sizeof next->nulls_);
      next->tuple_ = heap_copytuple(tuple);
      heap_deform_tuple(next->tuple_, description, next->values_, next->nulls_);
    }
    systable_endscan(scan);
    return read;
  });
  return {all.rows, all.rows + all.count};
}

bool relation::insert(const values &row) const {
  Relation opened = relation_;
  try {
    call([opened, &row] {
      Datum data[max_columns];
      bool nulls[max_columns];
      std::memcpy(data, row.values_, sizeof data);
      std::memcpy(nulls, row.nulls_, sizeof nulls);
      std::memset(nulls + row.next_, true, sizeof nulls - static_cast<size_t>(row.next_));
      HeapTuple tuple = heap_form_tuple(RelationGetDescr(opened), data, nulls);
      CatalogTupleInsert(opened, tuple);
      heap_freetuple(tuple);
    });
  } catch (const server_error &e) {
    if (e.data()->sqlerrcode != ERRCODE_UNIQUE_VIOLATION) throw;
    return false;
  }
  return true;
}

void relation::erase(const row &row) const {
  Relation opened = relation_;
  HeapTuple tuple = row.tuple_;
  call([=] { CatalogTupleDelete(opened, &tuple->t_self); });
}

Oid member_table(Oid extension, const char *schema, const char *name) {
  return call([=] {
    for (;;) {
      const Oid namespace_id = get_namespace_oid(schema, true);
      if (!OidIsValid(namespace_id)) return InvalidOid;
      const Oid table_id = get_relname_relid(name, namespace_id);
      if (!OidIsValid(table_id)) return InvalidOid;
      LockRelationOid(table_id, AccessShareLock);
      // does the name still mean this table, which can no longer be dropped?
      if (get_relname_relid(name, get_namespace_oid(schema, true)) == table_id)
        return getExtensionOfObject(RelationRelationId, table_id) == extension ? table_id
                                                                               : InvalidOid;
      UnlockRelationOid(table_id, AccessShareLock);
    }
  });
}

bool may_have_written(Oid table) {
  return call([=] {
    const Relation relation = table_open(table, AccessShareLock);
    const bool result = CheckRelationLockedByMe(relation, RowExclusiveLock, true);
    table_close(relation, NoLock);
    return result;
  });
}

bool is_member_table(Oid table, const char *extension) {
  return call([=] {
    const Oid owner = getExtensionOfObject(RelationRelationId, table);
    return OidIsValid(owner) && owner == get_extension_oid(extension, true);
  });
}

Oid extension_oid(const char *name) {
  return call([=] { return get_extension_oid(name, true); });
}

std::optional<extension_facts> find_extension(const std::string &name) {
  const relation extensions(ExtensionRelationId, AccessShareLock);
  for (const row &row : extensions.rows())
    if (row.name(Anum_pg_extension_extname - 1) == name)
      return extension_facts{row.oid(Anum_pg_extension_extowner - 1),
                             row.oid(Anum_pg_extension_extnamespace - 1)};
  return std::nullopt;
}

installed_copy find_installed(Oid extension) {
  const relation extensions(ExtensionRelationId, AccessShareLock);
  for (const row &row : extensions.rows()) {
    if (row.oid(Anum_pg_extension_oid - 1) == extension)
      return {row.oid(Anum_pg_extension_extowner - 1), row.text(Anum_pg_extension_extversion - 1)};
  }
  return {};
}

Oid extension_owner(Oid extension) { return find_installed(extension).owner; }

bool lock_extension(const char *name) {
  take_turn(turn::registrations, name, turn_mode::change);
  return OidIsValid(extension_oid(name));
}

void take_turn(Oid table) {
  // as an object of another kind, which nobody else locks: tables have their own locks
  call([=] { LockDatabaseObject(RelationRelationId, table, 0, ExclusiveLock); });
}

std::string extension_in_creation() {
  if (!creating_extension) return {};
  const char *name = call([] { return get_extension_name(CurrentExtensionObject); });
  return name == nullptr ? std::string() : name;
}

}  // namespace dynpgext::pg
