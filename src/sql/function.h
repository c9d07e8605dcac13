// Helpers for SQL entry points: arguments in, rows out, and common tables.
#pragma once

#include <optional>
#include <string>

#include "catalog/store.h"
#include "pg/border.h"
#include "pg/serving.h"

namespace dynpgext::sql {

[[nodiscard]] inline std::string name_argument(FunctionCallInfo fcinfo, int n) {
  return NameStr(*DatumGetName(fcinfo->args[n].value));
}
// The first `count` arguments must not be NULL: `what` is the error message.
void require_arguments(FunctionCallInfo fcinfo, int count, const char *what);
[[nodiscard]] std::string text_argument(FunctionCallInfo fcinfo, int n);
[[nodiscard]] Datum text_result(const std::string &text);
[[nodiscard]] Datum interval_result(int64 microseconds);

// The registrations of this database, with the settings defined and a launcher ensured.  ERROR
// 55000 if dynpgext is not installed.
[[nodiscard]] catalog::store open_store();

// The result rows of a function; add() values in the order of its columns.  Versions only append
// columns: values without a column in an older version's definition are dropped; if a newer
// version's has more, end_row() raises 55000.
class result_set {
 public:
  explicit result_set(FunctionCallInfo fcinfo);

  // The following values in this row come from that database, and may be in another encoding.
  result_set &from(Oid database);
  result_set &text(std::string_view value);
  result_set &text_or_null(std::string_view value) { return value.empty() ? null() : text(value); }
  result_set &name(std::string_view value);
  result_set &boolean(bool value) { return add(BoolGetDatum(value)); }
  result_set &integer(int32 value) { return add(Int32GetDatum(value)); }
  result_set &bigint(int64 value) { return add(Int64GetDatum(value)); }
  result_set &oid(Oid value) { return add(ObjectIdGetDatum(value)); }
  result_set &duration(int64 microseconds);
  // NULL for 0
  result_set &time(TimestampTz value) {
    return value == 0 ? null() : add(TimestampTzGetDatum(value));
  }
  result_set &null();
  void end_row();

 private:
  static constexpr int max_columns = 24;
  result_set &add(Datum value);
  [[nodiscard]] int columns() const { return set_->setDesc->natts; }
  ReturnSetInfo *set_;
  [[nodiscard]] std::string readable(std::string_view value) const;
  int next_ = 0;
  std::optional<int> encoding_;  // of another database; of this row
  Oid last_ = InvalidOid;
  int last_encoding_ = 0;
  Datum values_[max_columns] = {};
  bool nulls_[max_columns] = {};
};

}  // namespace dynpgext::sql

// Defines an SQL function with C linkage, exported, in the server's calling convention.
#define DYNPGEXT_SQL_FUNCTION(name)                                                                \
  extern "C" {                                                                                     \
  PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                        \
  PG_FUNCTION_INFO_V1(name);                                                                       \
  }                                                                                                \
  static Datum name##_here(FunctionCallInfo fcinfo);                                               \
  Datum name(FunctionCallInfo fcinfo) {                                                            \
    void *const other = ::dynpgext::pg::serving_function(#name);                                   \
    return other != nullptr ? reinterpret_cast<PGFunction>(other)(fcinfo) : name##_here(fcinfo);   \
  }                                                                                                \
  static Datum name##_here([[maybe_unused]] FunctionCallInfo fcinfo)
