#include "workers/scope.h"

#include "guard/quarantine.h"
#include "memory/instances.h"
#include "shared/publication.h"
#include "workers/entry.h"

namespace dynpgext::state {
namespace {

using by_database = std::map<Oid, model::registrations>;

// Merges registrations of one database that were found under several names.
void merge(model::registrations &all, model::registrations &&part) {
  for (model::extension &e : part.extensions)
    if (all.find_extension(e.name) == nullptr) all.extensions.push_back(std::move(e));
  std::move(part.allocations.begin(), part.allocations.end(), std::back_inserter(all.allocations));
  std::move(part.workers.begin(), part.workers.end(), std::back_inserter(all.workers));
  std::move(part.settings.begin(), part.settings.end(), std::back_inserter(all.settings));
  all.under_restore = part.under_restore;
}

desired_databases listed(by_database &&found) {
  desired_databases all;
  all.reserve(found.size());
  for (auto &[database, registered] : found) all.push_back({database, std::move(registered)});
  return all;
}

// `except`: a database whose registrations are completely known.
by_database find_holders(const shared &s, const global_names &names, Oid except) {
  by_database found;
  for (const global_name &name : names)
    for (model::desired_database &part : holders_of(s, name))
      if (part.database != except) merge(found[part.database], std::move(part.registrations));
  return found;
}

global_names names_about(const shared &s, const look_request &request,
                         const model::registrations &registered) {
  global_names names = globals_of(registered);
  if (request.also != nullptr) names.insert(request.also->begin(), request.also->end());
  if (request.instead != nullptr)
    if (const auto published = registrations_of(s, request.database))
      names.merge(globals_of(*published));
  for (const worker_entry *entry : s.workers.of(request.database))
    if (!OidIsValid(entry->key.home))
      names.insert(global_worker(entry->key.extension.str(), entry->key.name.str()));
  return names;
}

std::vector<worker_copy> workers_about(const shared &s, Oid database, const global_names &names) {
  std::vector<worker_copy> found;
  for (const worker_entry *entry : s.workers.of(database)) found.push_back(copy_of(s, *entry));
  for (const global_name &name : names) {
    if (name.kind != model::object_kind::worker) continue;
    const worker_entry *entry = s.workers.find(key_of({InvalidOid, name.extension, name.name}));
    if (entry != nullptr && entry->links.list != database) found.push_back(copy_of(s, *entry));
  }
  return found;
}

std::vector<const allocation_entry *> allocations_about(const shared &s, Oid database,
                                                        const global_names &names) {
  std::vector<const allocation_entry *> found;
  for (const allocation_entry *entry : s.allocations.of(database)) found.push_back(entry);
  for (const global_name &name : names) {
    if (name.kind != model::object_kind::allocation) continue;
    if (const allocation_entry *entry = s.allocations.find(key_of(InvalidOid, name.name)))
      found.push_back(entry);
  }
  return found;
}

// Everything but workers and allocations.  Caller holds root.lock.
model::live_state live(const shared &s, Oid database, const by_database &found) {
  std::vector<Oid> databases;
  if (OidIsValid(database)) databases.push_back(database);
  for (const auto &[other, unused] : found)
    if (other != database) databases.push_back(other);
  return {.extensions = live_extensions(s, databases),
          .quarantined = quarantined_workers(s),
          .quarantined_roles = quarantined_roles(s),
          .databases = live_databases(s, databases)};
}

}  // namespace

picture look(const shared &s, const look_request &request) {
  read_ahead(s, request.database);
  static const model::registrations nothing;
  picture all;
  std::shared_ptr<const model::registrations> published;
  by_database found;
  std::vector<worker_copy> workers;
  {
    const reading lock(s);
    published = registrations_of(s, request.database);
    const global_names names = names_about(s, request,
                                           request.instead != nullptr ? *request.instead
                                           : published != nullptr     ? *published
                                                                      : nothing);
    found = find_holders(s, names, request.database);
    all.live = live(s, request.database, found);
    workers = workers_about(s, request.database, names);
    if (request.memory)
      all.live.allocations =
          live_allocations(s, allocations_about(s, request.database, names), request.own);
  }
  if (request.instead != nullptr)
    found[request.database] = *request.instead;
  else if (published != nullptr)
    found[request.database] = *published;
  all.desired = listed(std::move(found));
  all.live.workers = live_workers(workers);
  return all;
}

picture look_at(const shared &s, const worker_identity &id) {
  if (OidIsValid(id.home)) return look(s, {.database = id.home, .memory = false});
  picture all;
  by_database found;
  std::vector<worker_copy> workers;
  {
    const reading lock(s);
    found = find_holders(s, {global_worker(id.extension, id.name)}, InvalidOid);
    all.live = live(s, InvalidOid, found);
    if (const worker_entry *entry = s.workers.find(key_of(id)))
      workers.push_back(copy_of(s, *entry));
  }
  all.desired = listed(std::move(found));
  all.live.workers = live_workers(workers);
  return all;
}

desired_databases registrations_of(const shared &s, const global_names &names) {
  return listed(find_holders(s, names, InvalidOid));
}

desired_databases registrations_of(const shared &s, const allocation_key &key) {
  if (!OidIsValid(key.home)) return registrations_of(s, {global_allocation(key.name.str())});
  const auto registered = registrations_of(s, key.home);
  if (registered == nullptr) return {};
  return {{key.home, *registered}};
}

}  // namespace dynpgext::state
