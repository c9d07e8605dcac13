// The published part of the views: the registrations of all databases.
#include <map>

#include "model/version.h"
#include "sql/function.h"
#include "sql/shown.h"
#include "workers/use.h"

namespace {

using namespace dynpgext;

// The published registrations; for a global object, the highest version's.
template <class Registration>
struct published {
  Oid database;
  std::string version;
  Registration registration;
};

template <class Registration, class List, class Key>
std::vector<published<Registration>> all_published(const state::shared &s, bool whole, List list,
                                                   Key key) {
  std::map<decltype(key(Oid{}, std::declval<const Registration &>())), published<Registration>>
      found;
  for (const model::desired_database &d : sql::registrations_shown(s, whole)) {
    for (const Registration &r : list(d.registrations)) {
      const model::extension *owner = d.registrations.find_extension(r.extension);
      if (owner == nullptr) continue;
      const auto [at, is_new] =
          found.try_emplace(key(model::home_of(r.scope, d.database), r),
                            published<Registration>{d.database, owner->version, r});
      if (!is_new && model::compare_versions(owner->version, at->second.version) > 0)
        at->second = {d.database, owner->version, r};
    }
  }
  std::vector<published<Registration>> result;
  result.reserve(found.size());
  for (auto &[unused, p] : found) result.push_back(std::move(p));
  return result;
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_published_allocations) {
  return pg::entry([=] {
    const auto all = all_published<model::allocation>(
        state::use(), sql::is_of_cluster(fcinfo),
        [](const model::registrations &r) { return r.allocations; },
        [](Oid home, const model::allocation &a) {
          return std::pair{home, a.name};
        });
    sql::result_set rows(fcinfo);
    for (const auto &p : all) {
      rows.from(p.database);
      rows.oid(model::home_of(p.registration.scope, p.database))
          .oid(p.database)
          .text(p.registration.name);
      rows.name(p.registration.extension)
          .text(p.version)
          .text(model::name_of(p.registration.scope));
      rows.bigint(static_cast<int64>(p.registration.size)).end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_published_workers) {
  return pg::entry([=] {
    const auto all = all_published<model::worker>(
        state::use(), sql::is_of_cluster(fcinfo),
        [](const model::registrations &r) { return r.workers; },
        [](Oid home, const model::worker &w) {
          return std::tuple{home, w.extension, w.name};
        });
    sql::result_set rows(fcinfo);
    for (const auto &p : all) {
      const model::worker &w = p.registration;
      rows.from(p.database);
      rows.oid(model::home_of(w.scope, p.database))
          .oid(p.database)
          .name(w.extension)
          .text(p.version);
      rows.text(w.name)
          .text(w.type)
          .text(model::name_of(w.scope))
          .text(w.library)
          .text(w.function)
          .text(model::name_of(w.restart))
          .boolean(w.hosted);
      // the argument of an SQL worker is its role
      w.hosted &&w.argument != 0 ? rows.oid(static_cast<Oid>(w.argument)) : rows.null();
      rows.end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_published_extensions) {
  return pg::entry([=] {
    sql::result_set rows(fcinfo);
    for (const model::desired_database &d : sql::registrations_shown(state::use(), true)) {
      std::map<std::string_view, std::pair<int64, int64>> counts;
      for (const model::allocation &a : d.registrations.allocations) ++counts[a.extension].first;
      for (const model::worker &w : d.registrations.workers) ++counts[w.extension].second;
      for (const model::extension &e : d.registrations.extensions) {
        if (e.is_library) continue;
        const auto &[allocations, workers] = counts[e.name];
        rows.from(d.database).oid(d.database).name(e.name).text(e.version);
        rows.text_or_null(e.library).bigint(allocations).bigint(workers).end_row();
      }
    }
    return Datum{0};
  });
}
