#include "extensions/capture.h"

#include <set>

#include "extensions/extension.h"
#include "extensions/failure.h"
#include "extensions/ledger.h"
#include "extensions/participant.h"
#include "pg/lock.h"
#include "shared/extension_states.h"

namespace dynpgext::provisioning {
namespace {

bool has_row(const catalog::store &store, const std::string &extension) {
  const std::vector<model::extension> rows = store.read_extensions();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const model::extension &e) { return e.name == extension; });
}

// Registrations for it, and settings of its workers, finish before its rows change or are deleted.
// The holder of the provisioning lock must not wait for them: false, and another visit does the
// work.
bool has_turn(const model::extension_change &change) {
  if (change.kind == model::change_kind::added) return true;
  if (!pg::provisioning_lock::is_held(MyDatabaseId)) {
    pg::take_turn(pg::turn::registrations, change.name, pg::turn_mode::alone);
    return true;
  }
  return pg::take_turn_at_once(pg::turn::registrations, change.name, pg::turn_mode::alone);
}

void follow(const catalog::store &store, const model::extension_change &change) {
  if (!has_turn(change)) return note_replicated();
  // Others may have followed it meanwhile, or removed the row of an extension that has come back.
  const bool is_known = has_row(store, change.name);
  if (change.kind == model::change_kind::removed) {
    remove(store, change.name);
  } else if (!is_known) {
    if (OidIsValid(pg::extension_oid(change.name.c_str())))
      (void)add(store, change.name, change.version);
  } else if (change.kind == model::change_kind::updated) {
    update(store, change.name, change.version);
  }
}

// An installed extension that cannot be added keeps a row, so that the views show why.
void add_failed(const catalog::store &store, const model::extension_change &change,
                const pg::failure &why) {
  if (change.kind == model::change_kind::removed) {  // despite the failure of its fini
    pg::log(WARNING, "extension \"" + change.name + "\": " + why.message);
    touch(store);
    store.erase(change.name);
    return;
  }
  model::extension e;
  e.name = change.name;
  e.version = change.version;
  e.library = participating_library(change.name, change.version);
  touch(store);
  (void)store.write(e, {}, {});
  record_failure(e, why);
}

// Why the code that would run to follow this change has ended its previous process, or nothing.  A
// visit that tried it again would also end, and never reach the other extensions.
std::optional<std::string> is_fatal(const catalog::store &store,
                                    const model::extension_change &change) {
  std::string library;
  if (change.kind == model::change_kind::removed) {
    for (const model::extension &e : store.read_extensions())
      if (e.name == change.name) library = e.library;
  } else {
    library = participating_library(change.name, change.version);
  }
  return state::fatal_failure(state::attach(), MyDatabaseId, change.name,
                              cause_of_failure(library));
}

}  // namespace

std::vector<model::extension_change> changes(const catalog::store &store, bool only_changed) {
  // Rows first: changes that others commit in between then look like later ones, which are checked
  // again, and not like removals.
  const std::vector<model::extension> rows = store.read_extensions();
  return model::compare_installed(catalog::installed_extensions(), rows, only_changed);
}

void expect_removals(const catalog::store &store, bool only_changed) {
  std::set<std::string> names;
  for (const model::extension_change &change : changes(store, only_changed))
    if (change.kind != model::change_kind::added) names.insert(change.name);
  for (const std::string &name : names)
    pg::take_turn(pg::turn::registrations, name, pg::turn_mode::alone);
}

std::vector<std::string> follow_all(const catalog::store &store, const std::string &extension,
                                    bool retry_failed, bool only_changed) {
  std::vector<std::string> failed;
  for (const model::extension_change &change : changes(store, only_changed)) {
    if (!extension.empty() && change.name != extension) continue;
    std::optional<pg::failure> why;
    if (!retry_failed)
      if (const auto reason = is_fatal(store, change)) why = {0, *reason};
    if (!why) why = pg::attempt([&] { follow(store, change); });
    if (!why) continue;
    add_failed(store, change, *why);
    failed.push_back(change.name);
  }
  return failed;
}

using model::action;
using model::action_kind;
using model::object_kind;

std::vector<action> describe_changes(const std::vector<model::extension_change> &found,
                                     const std::string &extension) {
  std::vector<action> result;
  for (const model::extension_change &c : found) {
    if (!extension.empty() && c.name != extension) continue;
    const bool added = c.kind == model::change_kind::added;
    const bool removed = c.kind == model::change_kind::removed;
    if (added && participating_library(c.name, c.version).empty()) continue;
    const char *detail = removed ? "no longer installed, version "
                         : added ? "adopted, version "
                                 : "updated to version ";
    result.push_back({removed ? action_kind::drain : action_kind::provision, object_kind::extension,
                      MyDatabaseId, c.name, c.name, detail + c.version});
  }
  return result;
}

void capture(const catalog::store &store, bool only_changed) {
  if (only_changed) {
    for (const model::extension_change &change : changes(store, true)) follow(store, change);
  } else {
    (void)follow_all(store, {}, true, false);
  }
}

}  // namespace dynpgext::provisioning
