#include "sql/shown.h"

#include <set>

#include "workers/scope.h"

namespace dynpgext::sql {

std::vector<Oid> databases_shown(const state::shared &s, bool whole) {
  std::set<Oid> shown;
  if (whole)
    for (const state::database_entry *d : s.databases.entries()) shown.insert(d->key.database);
  else
    shown = state::databases_of(s, state::all_globals(s));
  shown.insert(MyDatabaseId);
  return {shown.begin(), shown.end()};
}

state::desired_databases registrations_shown(const state::shared &s, bool whole) {
  if (whole) {
    std::vector<Oid> databases;
    {
      const state::reading lock(s);
      databases = databases_shown(s, whole);
    }
    state::desired_databases all;
    for (const Oid database : databases)
      if (auto registered = state::read_registrations(s, database))
        all.push_back({database, std::move(*registered)});
    return all;
  }
  state::read_ahead(s, MyDatabaseId);
  const state::reading lock(s);
  state::desired_databases shown = state::registrations_of(s, state::all_globals(s));
  std::erase_if(shown, [](const model::desired_database &d) { return d.database == MyDatabaseId; });
  if (const auto own = state::registrations_of(s, MyDatabaseId))
    shown.push_back({MyDatabaseId, *own});
  return shown;
}

}  // namespace dynpgext::sql
