#include "sql/function.h"

#include "pg/encoding.h"
#include "pg/settings.h"
#include "state/launch.h"

namespace dynpgext::sql {

std::string text_argument(FunctionCallInfo fcinfo, int n) {
  const Datum value = fcinfo->args[n].value;
  return pg::call([=] { return static_cast<const char *>(TextDatumGetCString(value)); });
}

Datum text_result(const std::string &text) {
  const char *from = text.c_str();
  return pg::call([=] { return CStringGetTextDatum(from); });
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

result_set &result_set::text(std::string_view value) {
  const std::string valid = pg::readable(value);
  const char *from = valid.c_str();
  return add(pg::call([=] { return CStringGetTextDatum(from); }));
}

result_set &result_set::name(std::string_view value) {
  std::string valid = pg::readable(value);
  if (valid.size() >= NAMEDATALEN) valid.resize(NAMEDATALEN - 1);  // escaped: ASCII by then
  const char *from = valid.c_str();
  return add(pg::call([=] {
    auto *copy = static_cast<Name>(palloc0(sizeof(NameData)));
    strlcpy(NameStr(*copy), from, NAMEDATALEN);
    return NameGetDatum(copy);
  }));
}

result_set &result_set::duration(int64 microseconds) {
  return add(pg::call([=] {
    auto *value = static_cast<Interval *>(palloc0(sizeof(Interval)));
    value->time = microseconds;
    return IntervalPGetDatum(value);
  }));
}

void result_set::end_row() {
  pg::call([this] { tuplestore_putvalues(set_->setResult, set_->setDesc, values_, nulls_); });
  next_ = 0;
}

}  // namespace dynpgext::sql
