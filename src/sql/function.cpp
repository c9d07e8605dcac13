#include "sql/function.h"

#include "pg/encoding.h"
#include "pg/own_version.h"
#include "pg/settings.h"
#include "workers/launch.h"
#include "workers/use.h"

namespace dynpgext::sql {

void require_arguments(FunctionCallInfo fcinfo, int count, const char *what) {
  for (int i = 0; i < count; ++i)
    if (fcinfo->args[i].isnull) throw pg::error(ERRCODE_NULL_VALUE_NOT_ALLOWED, what);
}

std::string text_argument(FunctionCallInfo fcinfo, int n) {
  const Datum value = fcinfo->args[n].value;
  return pg::call([=] { return static_cast<const char *>(TextDatumGetCString(value)); });
}

Datum text_result(const std::string &text) {
  const char *from = text.c_str();
  return pg::call([=] { return CStringGetTextDatum(from); });
}

Datum interval_result(int64 microseconds) {
  return pg::call([=] {
    auto *value = static_cast<Interval *>(palloc0(sizeof(Interval)));
    value->time = microseconds;
    return IntervalPGetDatum(value);
  });
}

catalog::store open_store() {
  pg::settings::define();
  auto store = catalog::store::open();
  if (!store)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "extension \"dynpgext\" is not installed in this database", {},
                    "Use CREATE EXTENSION dynpgext.");
  (void)state::use();
  return *store;
}

result_set::result_set(FunctionCallInfo fcinfo)
    : set_(reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo)) {
  pg::call([=] { InitMaterializedSRF(fcinfo, 0); });
}

result_set &result_set::add(Datum value) {
  Assert(next_ < max_columns);
  nulls_[next_] = false;
  values_[next_++] = value;
  return *this;
}

result_set &result_set::null() {
  Assert(next_ < max_columns);
  nulls_[next_] = true;
  values_[next_++] = 0;
  return *this;
}

result_set &result_set::from(Oid database) {
  if (OidIsValid(database) && database != last_) {
    last_ = database;
    last_encoding_ = pg::encoding_of_database(database);
  }
  encoding_.reset();
  if (OidIsValid(database)) encoding_ = last_encoding_;
  return *this;
}

std::string result_set::readable(std::string_view value) const {
  return encoding_ ? pg::readable(value, *encoding_) : pg::readable(value);
}

result_set &result_set::text(std::string_view value) {
  const std::string valid = readable(value);
  const char *from = valid.c_str();
  return add(pg::call([=] { return CStringGetTextDatum(from); }));
}

result_set &result_set::name(std::string_view value) {
  std::string valid = readable(value);
  if (valid.size() >= NAMEDATALEN) {  // longer in this encoding, or escaped
    const int size = static_cast<int>(valid.size());
    valid.resize(static_cast<size_t>(pg_mbcliplen(valid.c_str(), size, NAMEDATALEN - 1)));
  }
  const char *from = valid.c_str();
  return add(pg::call([=] {
    auto *copy = static_cast<Name>(palloc0(sizeof(NameData)));
    strlcpy(NameStr(*copy), from, NAMEDATALEN);
    return NameGetDatum(copy);
  }));
}

result_set &result_set::duration(int64 microseconds) { return add(interval_result(microseconds)); }

void result_set::end_row() {
  if (next_ < columns())
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "extension \"dynpgext\" of this database is newer than the library that this "
                    "process runs, version " +
                        std::string(pg::own_version()),
                    {}, "Use a new session.");
  pg::call([this] { tuplestore_putvalues(set_->setResult, set_->setDesc, values_, nulls_); });
  next_ = 0;
  encoding_.reset();
}

}  // namespace dynpgext::sql
