#include "extensions/publishable.h"

#include <map>

#include "extensions/failure.h"
#include "extensions/ledger.h"
#include "model/encoding.h"
#include "pg/settings.h"
#include "shared/databases.h"
#include "shared/extension_states.h"

namespace dynpgext::provisioning {
namespace {

using sizes = std::map<std::string, uint64>;

// Of the registrations of each extension.
sizes sizes_of(const model::registrations &all) {
  sizes found;
  for (const model::extension &e : all.extensions)
    found[e.name] = model::encode(all.part_of(e.name)).size();
  return found;
}

// Those that need more than before, the largest first.
std::vector<std::string> growing(const sizes &before, const sizes &now) {
  std::vector<std::pair<uint64, std::string>> found;
  for (const auto &[name, size] : now) {
    const auto known = before.find(name);
    const uint64 had = known == before.end() ? 0 : known->second;
    if (size > had) found.emplace_back(size - had, name);
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  std::vector<std::string> names;
  names.reserve(found.size());
  for (auto &[more, name] : found) names.push_back(std::move(name));
  return names;
}

std::string refusal(const std::string &extension, uint64 size) {
  return "extension \"" + extension + "\" cannot have " + std::to_string(size) +
         " bytes of shared memory for its registrations";
}

pg::failure failure_of(const pg::error &e) { return {e.sqlstate(), e.what()}; }

}  // namespace

publishable what_fits(state::shared &s, const model::registrations &wanted, over_limit then,
                      const std::set<std::string> &without) {
  pg::settings::define();
  state::note_owner(s);
  const state::database_identity identity = state::current_database_identity();
  const auto make = [&](const model::registrations &all, const state::memory_limits &limits) {
    return std::make_unique<state::publication>(s, MyDatabaseId, all, true, identity, limits);
  };
  std::set<std::string> out = without;
  publishable result;
  result.publication = make(wanted.without_objects_of(out), state::set_limits());
  if (result.publication->price().fits()) return result;
  const sizes now = sizes_of(result.publication->wanted());
  const auto published = state::read_registrations(s, MyDatabaseId);
  const std::vector<std::string> candidates =
      growing(published ? sizes_of(*published) : sizes(), now);
  if (then == over_limit::refuse)
    throw result.publication->price().refusal(
        candidates.empty() ? "the registrations of this database cannot have more shared memory"
                           : refusal(candidates.front(), now.at(candidates.front())));
  for (const std::string &name : candidates) {
    const pg::failure why =
        failure_of(result.publication->price().refusal(refusal(name, now.at(name))));
    out.insert(name);
    result.left_out.push_back({*wanted.find_extension(name), why});
    result.publication = make(wanted.without_objects_of(out), state::set_limits());
    if (result.publication->price().fits()) return result;
  }
  // the extensions stay known as installed
  result.publication = make(wanted.without_objects_of(out), {});
  return result;
}

std::set<std::string> to_be_left_out(const state::shared &s) {
  std::set<std::string> names = state::extensions_without_room(s, MyDatabaseId);
  for (const ledger::note &n : this_ledger().notes)
    if (this_ledger().find_note(n.extension)->state == model::extension_state::provisioned)
      names.erase(n.extension);
  return names;
}

std::set<std::string> still_without_room(state::shared &s) {
  std::set<std::string> names;
  // on a standby they may register less by now, without notification
  if (RecoveryInProgress() || state::extensions_without_room(s, MyDatabaseId).empty()) return names;
  for (state::failed_extension &f : state::failed_extensions(s))
    if (f.database == MyDatabaseId && f.cause.had_no_room) names.insert(std::move(f.name));
  return names;
}

void record_left_out(const std::vector<no_room> &all) {
  for (const no_room &l : all) record_failure(l.extension, l.why, lacking::room);
}

}  // namespace dynpgext::provisioning
