#include "catalog/hosted.h"

#include "pg/transaction.h"

namespace dynpgext::catalog {
namespace {

constexpr const char *table_name = "hosted_libraries";

Oid table_of(const store &store) {
  return pg::member_table(store.dynpgext(), "dynpgext", table_name);
}

}  // namespace

std::vector<hosted_row> read_hosted(const store &store) {
  const Oid table = table_of(store);
  if (!OidIsValid(table)) return {};  // until ALTER EXTENSION dynpgext UPDATE
  const pg::relation relation(table, AccessShareLock);
  std::vector<hosted_row> found;
  for (const pg::row &row : relation.rows())
    found.push_back({row.name(0), row.text(1) == "global", row.integer(2),
                     row.is_null(3) ? std::string() : row.json(3), row.boolean(4)});
  std::sort(found.begin(), found.end(), [](const hosted_row &a, const hosted_row &b) {
    return std::tie(a.position, a.library) < std::tie(b.position, b.library);
  });
  return found;
}

void write_hosted(const store &store, const hosted_row &row) {
  const Oid table = table_of(store);
  if (!OidIsValid(table))
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    std::string("there is no table dynpgext.") + table_name, {},
                    "Use ALTER EXTENSION dynpgext UPDATE.");
  const pg::relation relation(table, RowExclusiveLock);
  pg::values values;
  values.name(row.library).text(row.is_global ? "global" : "database").integer(row.position);
  row.settings.empty() ? values.null() : values.json(row.settings);
  values.boolean(row.sessions);
  if (!relation.insert(values))
    throw pg::error(ERRCODE_OBJECT_IN_USE,
                    "library \"" + row.library + "\" is being hosted by another transaction");
  pg::make_visible();
}

void erase_hosted(const store &store, const std::string &library) {
  const Oid table = table_of(store);
  if (!OidIsValid(table)) return;
  const pg::relation relation(table, RowExclusiveLock);
  for (const pg::row &row : relation.rows())
    if (row.name(0) == library) relation.erase(row);
  pg::make_visible();
}

}  // namespace dynpgext::catalog
