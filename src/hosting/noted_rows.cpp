#include "hosting/noted_rows.h"

#include "pg/database_mark.h"
#include "pg/database_setting.h"
#include "pg/transaction.h"
#include "shared/root.h"

namespace dynpgext::hosting {
namespace {

constexpr const char *setting_name = "dynpgext_database.hosts";
constexpr std::string_view for_server = "global ";
constexpr std::string_view for_database = "database ";

std::string text_of(const std::vector<catalog::hosted_row> &rows) {
  std::string text;
  for (const catalog::hosted_row &row : rows)
    if (row.sessions)
      text.append(text.empty() ? "" : ", ")
          .append(row.is_global ? for_server : for_database)
          .append(row.library);
  return text;
}

// The other transaction may roll back what it writes.
void visit_later() {
  state::shared &s = state::attach();
  const state::exclusive lock(s);
  state::database_entry *entry = s.databases.insert({MyDatabaseId});
  entry->visited = false;
  entry->visit_after = pg::moment::now() + std::chrono::seconds(10);
}

std::optional<std::string> noted(Oid database) {
  return pg::database_setting(setting_name, BOOTSTRAP_SUPERUSERID, database);
}

}  // namespace

void note_rows(const catalog::store &store, bool waits, bool hosts) {
  if (RecoveryInProgress()) return;
  std::string text;
  const auto is_noted = [&] {
    if (hosts) text = text_of(catalog::read_hosted(store));
    return noted(MyDatabaseId).value_or("") == text;
  };
  if (is_noted()) return;
  if (!pg::lock_kept_for_database(MyDatabaseId, waits)) return visit_later();
  // another transaction may have changed the rows meanwhile
  if (is_noted()) return pg::unlock_kept_for_database(MyDatabaseId);
  pg::keep_for_database(MyDatabaseId, setting_name, text.empty() ? nullptr : text.c_str());
}

// Versions before 0.2.0 have noted nothing, but every database with dynpgext has a mark.
bool may_host(Oid database) {
  return noted(database) ||
         pg::database_setting(pg::database_mark_name, BOOTSTRAP_SUPERUSERID, database);
}

noted_hosting find_noted(Oid database) {
  const bool is_inside = IsTransactionState();
  if (!is_inside) pg::begin_transaction();
  const auto text = noted(database);
  const bool hosts = may_host(database);
  if (!is_inside) pg::commit_transaction();
  if (!text) return {hosts, hosts, {}};
  return {true, text->find(for_server) != std::string::npos, *text};
}

void forget_noted_rows() { pg::drop_kept_for_database(setting_name); }

}  // namespace dynpgext::hosting
