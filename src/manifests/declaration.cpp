#include "manifests/declaration.h"

#include "extensions/declared.h"
#include "extensions/extension.h"
#include "extensions/identity.h"
#include "extensions/ledger.h"
#include "extensions/participant.h"
#include "guard/quarantine.h"
#include "manifests/manifest.h"
#include "pg/lock.h"
#include "pg/role.h"
#include "shared/databases.h"

namespace dynpgext::provisioning {
namespace {

// Its row; a new one is not written yet.
model::extension row_for(const catalog::store &store, const std::string &name, declared_by who) {
  const model::registrations all = store.read();
  if (const model::extension *known = all.find_extension(name)) {
    if (known->is_library) refuse_hosted(name);
    return *known;
  }
  model::extension e;
  e.name = name;
  e.incarnation = new_incarnation();
  // its script is still running: after its end, the event trigger finds another version, and also
  // looks for a library
  if (is_script(who)) return e;
  e.version = installed_version(name);
  if (add(store, name, e.version)) return *store.read().find_extension(name);
  return e;
}

// Declarations follow their extension: nothing is made now for a pending, failed, unloaded or
// quarantined one.
bool is_to_be_made(const model::extension &e) {
  const state::shared &s = state::attach();
  if (!e.wanted(s.root->boot)) return false;
  if (state::is_quarantined(s, MyDatabaseId, e.name)) return false;
  if (e.library.empty()) return true;
  model::live_state live;
  {
    const state::reading lock(s);
    live.extensions = state::live_extensions(s, {{MyDatabaseId}});
  }
  overlay_notes(live);
  for (const model::live_extension &l : live.extensions)
    if (l.database == MyDatabaseId && l.name == e.name)
      return l.state == model::extension_state::provisioned;
  return false;
}

void keep_for_dump(const catalog::store &store, const model::extension_manifest &wanted,
                   declared_by who) {
  if (who == declared_by::restore) return;
  if (who == declared_by::hand) {
    model::manifest m;
    m.extensions.push_back(wanted);
    m.extensions.back().settings.clear();
    m.extensions.back().library.reset();
    m.extensions.back().version.reset();
    // dynpgext.identities has the roles
    for (model::declared_worker &w : m.extensions.back().workers)
      if (w.command) w.command->run_as.clear();
    store.write_manifest(wanted.extension, manifest_text(m));
    return;
  }
  if (is_registered_by_hand(store, wanted.extension))
    pg::log(NOTICE, "registrations by hand for extension \"" + wanted.extension +
                        "\" are replaced with those of its script");
  store.write_manifest(wanted.extension, {});
}

}  // namespace

declared_values values_of(const model::extension_manifest &m) {
  declared_values v;
  for (const model::declared_allocation &a : m.allocations) {
    v.rows.allocations.push_back(a.allocation);
    if (!a.content.empty()) v.contents.push_back({m.extension, a.allocation.name, a.content});
  }
  for (const model::declared_worker &w : m.workers) {
    v.rows.workers.push_back(w.worker);
    if (w.command) v.commands.push_back(*w.command);
  }
  return v;
}

void take_turn_to_configure(const std::string &extension) {
  pg::take_turn(pg::turn::settings, {}, pg::turn_mode::not_by_hand);
  pg::take_turn(pg::turn::settings, extension, pg::turn_mode::change);
}

bool is_declared(const catalog::store &store, const model::registrations &all,
                 const model::extension_manifest &m) {
  // an empty manifest also makes its extension take part
  if (all.find_extension(m.extension) == nullptr) return false;
  const declared_values wanted = values_of(m);
  const declared_values known = values_of(describe_declared(store, all, m.extension));
  const auto same = [](const auto &a, const auto &b) {
    return std::is_permutation(a.begin(), a.end(), b.begin(), b.end());
  };
  return same(wanted.rows.allocations, known.rows.allocations) &&
         same(wanted.rows.workers, known.rows.workers) && same(wanted.commands, known.commands) &&
         same(wanted.contents, known.contents);
}

// Frees names of memory that an extension no longer declares.
void take_back(const catalog::store &store, const model::extension_manifest &wanted) {
  const model::registrations all = store.read();
  const model::extension *e = all.find_extension(wanted.extension);
  if (e == nullptr) return;
  collected rows = rows_of(all, e->name, registrar::library);
  const collected declared = rows_of(all, e->name, registrar::sql);
  rows.workers.insert(rows.workers.end(), declared.workers.begin(), declared.workers.end());
  for (const model::allocation &a : declared.allocations)
    if (std::any_of(wanted.allocations.begin(), wanted.allocations.end(),
                    [&](const model::declared_allocation &d) { return d.allocation == a; }))
      rows.allocations.push_back(a);
  std::vector<model::content> contents = store.read_contents(e->name);
  std::erase_if(contents, [&](const model::content &c) {
    return std::none_of(rows.allocations.begin(), rows.allocations.end(),
                        [&](const model::allocation &a) { return a.name == c.allocation; });
  });
  touch(store);
  store.write(e->name, store.read_commands(e->name), contents);
  (void)store.write(*e, rows.allocations, rows.workers);
}

// The owner of the extension may have configured a database-local worker; a global one with the
// name would inherit the settings in the whole server.  The script of an update may remove a worker
// and register it again; a restore brings the settings with the rest.
void drop_settings(const catalog::store &store, const model::extension_manifest &wanted,
                   declared_by who) {
  if (who == declared_by::restore) return;
  const model::registrations all = store.read();
  for (const model::worker &w : rows_of(all, wanted.extension, registrar::sql).workers) {
    if (w.scope == model::scope::global || all.find_settings(w.extension, w.name) == nullptr)
      continue;
    const auto stays =
        std::find_if(wanted.workers.begin(), wanted.workers.end(),
                     [&](const model::declared_worker &d) { return d.worker.name == w.name; });
    const bool goes = stays == wanted.workers.end();
    if (goes ? who != declared_by::hand : stays->worker.scope != model::scope::global) continue;
    take_turn_to_configure(wanted.extension);
    store.write(model::worker_settings{w.extension, w.name, {}, {}, {}});
  }
}

void declare(const catalog::store &store, const model::extension_manifest &wanted,
             declared_by who) {
  require_allowed(wanted.extension);
  drop_settings(store, wanted, who);
  model::extension e = row_for(store, wanted.extension, who);
  // the script relies on its initial content of its memory
  if (is_script(who) && is_registered_by_hand(store, wanted.extension))
    e.incarnation = new_incarnation();
  const declared_values v = values_of(wanted);
  collected rows = rows_of(store.read(), e.name, registrar::library);
  touch(store);
  store.write(e.name, v.commands, v.contents);
  store.write_identities(e.name, v.commands, store.read_identities());
  if (is_to_be_made(e)) {
    add_declared(store, e, v.rows, rows);
    note_extension(e.name, model::extension_state::provisioned);
  } else {
    rows.allocations.insert(rows.allocations.end(), v.rows.allocations.begin(),
                            v.rows.allocations.end());
    rows.workers.insert(rows.workers.end(), v.rows.workers.begin(), v.rows.workers.end());
  }
  (void)store.write(e, rows.allocations, rows.workers);
  keep_for_dump(store, wanted, who);
  // for a script at its end, see update()
  if (who == declared_by::hand) warn_of_closed_tables(store, wanted.extension);
}

}  // namespace dynpgext::provisioning
