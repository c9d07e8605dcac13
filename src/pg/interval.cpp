#include "pg/interval.h"

#include "pg/relation.h"

namespace dynpgext::pg {

std::optional<int64> parse_interval(const std::string &text) {
  if (text.size() > MAXDATELEN || text.find('\0') != std::string::npos) return std::nullopt;
  Interval value{};
  Interval *into = &value;
  const char *from = text.c_str();
  // like interval_in(), which raises
  const bool is_read = call([=] {
    struct pg_itm_in parts {};
    char work[256];
    char *fields[MAXDATEFIELDS];
    int types[MAXDATEFIELDS];
    int count = 0;
    int kind = 0;
    int error = ParseDateTime(from, work, sizeof work, fields, types, MAXDATEFIELDS, &count);
    if (error == 0)
      error = DecodeInterval(fields, types, count, INTERVAL_FULL_RANGE, &kind, &parts);
    if (error == DTERR_BAD_FORMAT) {
      char copy[MAXDATELEN + 1];
      strlcpy(copy, from, sizeof copy);
      error = DecodeISO8601Interval(copy, &kind, &parts);
    }
    return error == 0 && kind == DTK_DELTA && itmin2interval(&parts, into) == 0;
  });
  if (!is_read) return std::nullopt;
  return interval_microseconds(value);
}

}  // namespace dynpgext::pg
