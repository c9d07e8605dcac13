#include "provisioning/declaration.h"

#include <set>

#include "pg/role.h"
#include "pg/transaction.h"
#include "pg/trigger.h"
#include "provisioning/database.h"
#include "provisioning/declared.h"
#include "provisioning/extension.h"
#include "provisioning/identity.h"
#include "provisioning/manifest.h"
#include "provisioning/manifest_checks.h"
#include "provisioning/participant.h"
#include "provisioning/transaction.h"
#include "state/databases.h"
#include "state/quarantine.h"
#include "state/root.h"

namespace dynpgext::provisioning {
namespace {

// The rows that a manifest stands for.
struct declared_values {
  collected rows;
  std::vector<model::command> commands;
  std::vector<model::content> contents;
};

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

// What its library registers.
collected library_rows(const model::registrations &all, const std::string &extension) {
  collected rows;
  for (const model::allocation &a : all.allocations)
    if (!a.declared && a.extension == extension) rows.allocations.push_back(a);
  for (const model::worker &w : all.workers)
    if (!w.declared && w.extension == extension) rows.workers.push_back(w);
  return rows;
}

std::string installed_version(const std::string &name) {
  for (const model::installed_extension &i : catalog::installed_extensions())
    if (i.name == name) return i.version;
  throw pg::error(ERRCODE_UNDEFINED_OBJECT, "extension \"" + name + "\" does not exist");
}

// Its row; one that is new is not written yet.
model::extension row_for(const catalog::store &store, const std::string &name, declared_by who) {
  const model::registrations all = store.read();
  if (const model::extension *known = all.find_extension(name)) return *known;
  model::extension e;
  e.name = name;
  e.incarnation = new_incarnation();
  // its script is still running: when it has ended, the event trigger finds that the version is
  // another one, and looks for a library, too
  if (who == declared_by::script) return e;
  e.version = installed_version(name);
  if (add(store, name, e.version)) return *store.read().find_extension(name);
  return e;
}

// As its extension is, so is what is declared for it: nothing of one that is pending, failed,
// unloaded or quarantined is made now.
bool is_to_be_made(const model::extension &e) {
  const state::shared &s = state::attach();
  if (!e.wanted(s.root->boot)) return false;
  if (state::is_quarantined(s, MyDatabaseId, e.name)) return false;
  if (e.library.empty()) return true;
  model::live_state live;
  {
    const state::reading lock(s);
    live.extensions = state::extension_states(s);
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
  for (const catalog::store::manifest_row &row : store.read_manifests())
    if (row.extension == wanted.extension)
      pg::log(NOTICE, "what was registered by hand for extension \"" + wanted.extension +
                          "\" is replaced by what its script registers");
  store.write_manifest(wanted.extension, {});
}

// ---- apply --------------------------------------------------------------------------------------

using model::action;
using model::action_kind;
using model::object_kind;

bool is_about(const action &a, const action &b) {
  return a.object == b.object && a.name == b.name && a.extension == b.extension;
}

// What a manifest changes of the registrations and settings there are.
class comparison {
 public:
  comparison(const catalog::store &store, const model::manifest &wanted)
      : after(store.read()), store_(store) {
    const model::registrations before = after;
    for (const model::extension_manifest &e : wanted.extensions) compare(before, e);
    if (!wanted.whole_database) return;
    for (const model::extension &e : before.extensions) {
      const bool named =
          std::any_of(wanted.extensions.begin(), wanted.extensions.end(),
                      [&](const model::extension_manifest &m) { return m.extension == e.name; });
      if (named) continue;
      model::extension_manifest nothing;
      nothing.extension = e.name;
      compare(before, nothing);
    }
  }

  model::registrations after;  // as they are to be
  // Extensions whose declarations change, and settings that do: one without anything is reset.
  std::vector<model::extension_manifest> declarations;
  std::vector<model::worker_settings> settings;
  std::vector<action> changes;  // one for each object that changes

 private:
  void add(object_kind object, const std::string &extension, const std::string &name,
           action_kind kind, std::string detail) {
    differences_++;
    action a;
    a.kind = kind;
    a.object = object;
    a.extension = extension;
    a.name = name;
    a.detail = std::move(detail);
    if (std::none_of(changes.begin(), changes.end(),
                     [&](const action &known) { return is_about(known, a); }))
      changes.push_back(std::move(a));
  }

  void compare(const model::registrations &before, const model::extension_manifest &e) {
    compare_settings(before, e);
    const size_t known = differences_;
    const declared_values old = values_of(describe_declared(store_, before, e.extension));
    const declared_values wanted = values_of(e);
    compare_allocations(e.extension, old, wanted);
    compare_workers(e.extension, old, wanted);
    if (before.find_extension(e.extension) == nullptr &&
        !(e.allocations.empty() && e.workers.empty())) {
      model::extension &added = after.extensions.emplace_back();
      added.name = e.extension;
      added.version = installed_version(e.extension);
    }
    if (differences_ == known) return;
    add(object_kind::extension, e.extension, e.extension, action_kind::configure, "its manifest");
    declarations.push_back(e);
    std::erase_if(after.allocations, [&](const model::allocation &a) {
      return a.declared && a.extension == e.extension;
    });
    std::erase_if(after.workers,
                  [&](const model::worker &w) { return w.declared && w.extension == e.extension; });
    after.allocations.insert(after.allocations.end(), wanted.rows.allocations.begin(),
                             wanted.rows.allocations.end());
    after.workers.insert(after.workers.end(), wanted.rows.workers.begin(),
                         wanted.rows.workers.end());
  }

  template <class Row, class Name>
  void compare_rows(object_kind object, const std::string &extension, const std::vector<Row> &old,
                    const std::vector<Row> &wanted, Name name, const char *what) {
    for (const Row &o : old)
      if (std::none_of(wanted.begin(), wanted.end(),
                       [&](const Row &w) { return name(w) == name(o); }))
        add(object, extension, name(o),
            object == object_kind::worker ? action_kind::stop : action_kind::drain,
            "no longer registered");
    for (const Row &w : wanted)
      if (std::find(old.begin(), old.end(), w) == old.end())
        add(object, extension, name(w), action_kind::configure, what);
  }

  void compare_allocations(const std::string &extension, const declared_values &old,
                           const declared_values &wanted) {
    compare_rows(
        object_kind::allocation, extension, old.rows.allocations, wanted.rows.allocations,
        [](const model::allocation &a) { return a.name; }, "registered");
    for (const auto *contents : {&old.contents, &wanted.contents})
      for (const model::content &c : *contents)
        if (std::count(old.contents.begin(), old.contents.end(), c) !=
            std::count(wanted.contents.begin(), wanted.contents.end(), c))
          add(object_kind::allocation, extension, c.allocation, action_kind::configure,
              "what it begins with, when it is made the next time");
  }

  void compare_workers(const std::string &extension, const declared_values &old,
                       const declared_values &wanted) {
    compare_rows(
        object_kind::worker, extension, old.rows.workers, wanted.rows.workers,
        [](const model::worker &w) { return w.name; }, "registered");
    compare_rows(
        object_kind::worker, extension, old.commands, wanted.commands,
        [](const model::command &c) { return c.worker; }, "its command");
  }

  void compare_settings(const model::registrations &before, const model::extension_manifest &e) {
    for (const model::worker_settings &s : before.settings) {
      if (s.extension != e.extension) continue;
      const bool named =
          std::any_of(e.settings.begin(), e.settings.end(), [&](const model::declared_settings &d) {
            return d.settings.worker == s.worker;
          });
      // those of a worker that has gone are for the one that may come back
      const bool counts =
          before.may_have_worker(s.extension, s.worker, boot_) ||
          std::any_of(e.workers.begin(), e.workers.end(),
                      [&](const model::declared_worker &w) { return w.worker.name == s.worker; });
      if (!named && counts) set({s.extension, s.worker, {}, {}, {}}, "its settings are taken back");
    }
    for (const model::declared_settings &d : e.settings) {
      const model::worker_settings *known = before.find_settings(e.extension, d.settings.worker);
      if (known == nullptr || !(*known == d.settings)) set(d.settings, "its settings");
    }
  }

  void set(const model::worker_settings &s, const char *what) {
    settings.push_back(s);
    add(object_kind::worker, s.extension, s.worker, action_kind::configure, what);
    std::erase_if(after.settings, [&](const model::worker_settings &a) {
      return a.extension == s.extension && a.worker == s.worker;
    });
    if (s.enabled || s.restart || s.restart_delay) after.settings.push_back(s);
  }

  const catalog::store &store_;
  const std::int64_t boot_ = state::attach().root->boot;
  size_t differences_ = 0;  // an object may have several
};

// What follows of the changes, as a reload would see it; a change that nothing follows of at once
// is there, too.
std::vector<action> consequences(const comparison &c) {
  std::vector<action> plan = plan_for(c.after);
  std::erase_if(plan, [&](const action &a) {
    return std::none_of(c.changes.begin(), c.changes.end(),
                        [&](const action &change) { return is_about(change, a); });
  });
  for (const action &change : c.changes) {
    if (change.object == object_kind::extension) continue;
    if (std::none_of(plan.begin(), plan.end(),
                     [&](const action &a) { return is_about(change, a); }))
      plan.push_back(change);
  }
  return plan;
}

// Names of memory that an extension does not declare any more are free for others.
void take_back(const catalog::store &store, const model::extension_manifest &wanted) {
  const model::registrations all = store.read();
  const model::extension *e = all.find_extension(wanted.extension);
  if (e == nullptr) return;
  collected rows = library_rows(all, e->name);
  const collected declared = declared_rows(all, e->name);
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

// Code registers it, a document cannot: a difference is the reader's to understand.
void warn_of_other_library(const model::manifest &wanted, const model::manifest &here) {
  for (const model::extension_manifest &e : wanted.extensions) {
    if (!e.library) continue;
    for (const model::extension_manifest &h : here.extensions) {
      if (h.extension != e.extension) continue;
      const auto same = [](const model::extension_manifest &m) {
        model::manifest only;
        only.extensions.emplace_back().extension = m.extension;
        only.extensions.back().library = m.library;
        return manifest_text(only);
      };
      if (same(e) != same(h))
        pg::log(WARNING,
                "the library of extension \"" + e.extension +
                    "\" registers other things here than the manifest says",
                "That part of a manifest is not applied: what a library registers, it registers "
                "in its code.");
    }
  }
}

// Whoever else registers for them comes before or after; all do so in the order of their names.
void lock_extensions(const catalog::store &store, const model::manifest &wanted) {
  std::set<std::string> names;
  for (const model::extension_manifest &e : wanted.extensions) names.insert(e.extension);
  if (wanted.whole_database)
    for (const model::extension &e : store.read().extensions) names.insert(e.name);
  for (const std::string &name : names) (void)pg::lock_extension(name.c_str());
}

bool is_declared(const catalog::store &store, const model::registrations &all,
                 const model::extension_manifest &m) {
  const declared_values wanted = values_of(m);
  const declared_values known = values_of(describe_declared(store, all, m.extension));
  const auto same = [](const auto &a, const auto &b) {
    return std::is_permutation(a.begin(), a.end(), b.begin(), b.end());
  };
  return same(wanted.rows.allocations, known.rows.allocations) &&
         same(wanted.rows.workers, known.rows.workers) && same(wanted.commands, known.commands) &&
         same(wanted.contents, known.contents);
}

void warn_of_manifest(const std::string &extension, const std::string &why) {
  pg::log(WARNING,
          "the manifest of extension \"" + extension +
              "\" in dynpgext.manifests cannot be followed: " + why,
          "It is kept. When the reason is gone: UPDATE dynpgext.manifests SET manifest = manifest "
          "WHERE extension = '" +
              extension + "'.");
}

// A row of dynpgext.manifests that is to be followed.
struct pending_manifest {
  catalog::store::manifest_row row;
  model::extension_manifest wanted;
};

struct pending_manifests {
  pending_manifests(const catalog::store &from, std::string of)
      : store(from), extension(std::move(of)) {}

  const catalog::store &store;
  std::string extension;   // of which alone; empty: of all
  bool only_look = false;  // nothing is locked or written
  bool strict = false;     // a fault of the form is an ERROR
  // Others than superusers write what they might register.  Everything else is an ERROR: a row that
  // was kept would be followed as if a superuser had written it when others may write no longer.
  bool is_trusted = pg::is_superuser();
  std::vector<pending_manifest> found;

  void find(const model::registrations &all) {
    for (const catalog::store::manifest_row &row : store.read_manifests())
      if (!row.followed && (is_trusted || row.ours) &&
          (extension.empty() || row.extension == extension))
        add(all, row);
  }

 private:
  void find_faults_of_roles(model::manifest_result &read) const {
    const std::vector<model::command> known =
        store.read_commands(read.document.extensions.front().extension);
    for (const model::declared_worker &w : read.document.extensions.front().workers) {
      if (!w.command || (!is_trusted && is_unchanged(*w.command, known))) continue;
      const declared_by who = is_trusted ? declared_by::restore : declared_by::hand;
      const std::string fault = fault_of_role(*w.command, who);
      if (!fault.empty()) read.faults.push_back({w.place, fault, true});
    }
  }

  void add(const model::registrations &all, const catalog::store::manifest_row &row) {
    if (!only_look && !pg::lock_extension(row.extension.c_str())) {
      if (!is_trusted)
        throw pg::error(ERRCODE_UNDEFINED_OBJECT,
                        "extension \"" + row.extension + "\" does not exist");
      pg::log(WARNING, "there is a manifest for extension \"" + row.extension +
                           "\", which is not installed in this database");
      return;
    }
    model::manifest_result read;
    const auto parse = [&] {
      read = parse_manifest(row.manifest, row.extension, true);
      const auto beyond = beyond_registrations(read.document);
      read.faults.insert(read.faults.end(), beyond.begin(), beyond.end());
    };
    if (strict) {
      parse();
      refuse_faulty(read.faults);
    } else if (const auto why = pg::attempt(parse)) {
      if (!only_look) warn_of_manifest(row.extension, why->message);
      return;
    }
    if (read.faults.empty()) find_faults_of_roles(read);
    if (!is_trusted) refuse_faulty(read.faults);
    if (!read.faults.empty()) {
      if (!only_look) warn_of_manifest(row.extension, model::json::text_of(read.faults.front()));
      return;
    }
    model::extension_manifest &wanted = read.document.extensions.front();
    decide_identities(store, wanted, declared_by::restore, {});
    if (!is_declared(store, all, wanted))
      found.push_back({row, wanted});
    else if (!only_look)
      store.mark_followed(row);
  }
};

void declare_restored(const catalog::store &store, const pending_manifest &m) {
  declare(store, m.wanted, declared_by::restore);
  store.mark_followed(m.row);
}

// Returns the extensions of those that it could follow.
std::vector<std::string> follow(const pending_manifests &pending, const model::registrations &all) {
  const catalog::store &store = pending.store;
  std::vector<model::extension_manifest> changed;
  for (const pending_manifest &m : pending.found) changed.push_back(m.wanted);
  std::vector<pending_manifest> good;
  std::vector<std::string> followed;
  for (const pending_manifest &m : pending.found) {
    const std::vector<model::json::fault> faults = check_with_others(m.wanted, changed, all);
    if (!pending.is_trusted) refuse_faulty(faults);
    if (faults.empty()) {
      good.push_back(m);
      followed.push_back(m.row.extension);
    } else {
      warn_of_manifest(m.row.extension, model::json::text_of(faults.front()));
    }
  }
  // first what is taken back: another one may want the name
  const auto follow_all = [&] {
    for (const pending_manifest &m : good) take_back(store, m.wanted);
    for (const pending_manifest &m : good) declare_restored(store, m);
  };
  if (!pending.is_trusted) {
    follow_all();
    return followed;
  }
  if (!pg::attempt(follow_all)) return followed;
  // one after the other, where it is not all of them
  for (const pending_manifest &m : good)
    if (const auto reason = pg::attempt([&] { declare_restored(store, m); })) {
      warn_of_manifest(m.row.extension, reason->message);
      std::erase(followed, m.row.extension);
    }
  return followed;
}

// The triggers of the install script that have to fire whatever session_replication_role is.
struct own_trigger {
  Oid table;
  const char *name;
  const char *mend;
};

}  // namespace

void declare(const catalog::store &store, const model::extension_manifest &wanted,
             declared_by who) {
  require_allowed(wanted.extension);
  const model::extension e = row_for(store, wanted.extension, who);
  const declared_values v = values_of(wanted);
  collected rows = library_rows(store.read(), e.name);
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
  // in a script at its end, see update()
  if (who == declared_by::hand) warn_of_closed_tables(store, wanted.extension);
}

std::vector<action> apply(const catalog::store &store, const model::manifest_result &read,
                          bool dry_run) {
  if (!dry_run) {
    store.lock_settings();
    lock_extensions(store, read.document);
  }
  const std::vector<model::command> known = store.read_commands({});
  std::vector<model::json::fault> faults =
      check_manifest(read, store.read(), declared_by::hand, known);
  if (faults.empty()) faults = check_settings_left_out(read.document, store.read());
  refuse_faulty(faults);
  model::manifest wanted = read.document;
  for (model::extension_manifest &e : wanted.extensions)
    decide_identities(store, e, declared_by::hand, known);
  warn_of_other_library(wanted, describe(store, {}));
  const comparison c(store, wanted);
  std::vector<action> result = consequences(c);
  if (dry_run) return result;
  // first what is taken back: another extension may want the name
  for (const model::extension_manifest &e : c.declarations) take_back(store, e);
  for (const model::extension_manifest &e : c.declarations) declare(store, e, declared_by::hand);
  for (const model::worker_settings &s : c.settings) {
    touch(store);
    store.write(s);
  }
  return result;
}

void follow_manifests(const catalog::store &store) {
  const model::registrations all = store.read();
  pending_manifests pending(store, {});
  pending.strict = true;
  pending.find(all);
  (void)follow(pending, all);
}

std::vector<std::string> follow_untold_manifests(const catalog::store &store,
                                                 const std::string &extension, bool dry_run) {
  // as the trigger's function, which is dynpgext's owner's
  const pg::pinned_identity identity(store.owner());
  const model::registrations all = store.read();
  pending_manifests pending(store, extension);
  pending.only_look = dry_run;
  pending.find(all);
  if (pending.found.empty()) return {};
  if (!pg::only_superusers_write(store.manifests())) {
    for (const pending_manifest &m : pending.found)
      warn_of_manifest(m.row.extension,
                       "it was written while the trigger of the table was off, and others than "
                       "superusers may write the table");
    return {};
  }
  if (!dry_run) return follow(pending, all);
  std::vector<std::string> names;
  for (const pending_manifest &m : pending.found) names.push_back(m.row.extension);
  return names;
}

bool mend_triggers(const catalog::store &store) {
  static constinit bool is_mending = false;  // ALTER TABLE fires the event trigger again
  if (is_mending) return false;
  const Oid settings = store.settings();
  const Oid manifests = store.manifests();
  const Oid identities = store.identities();
  const own_trigger all[] = {
      {identities, "on_identities",
       "ALTER TABLE dynpgext.identities ENABLE ALWAYS TRIGGER on_identities"},
      {settings, "before_settings",
       "ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_settings"},
      {settings, "before_truncate",
       "ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_truncate"},
      {settings, "on_settings",
       "ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER on_settings"},
      {settings, "on_replicated",
       "ALTER TABLE dynpgext.worker_settings ENABLE REPLICA TRIGGER on_replicated"},
      {manifests, "on_manifests",
       "ALTER TABLE dynpgext.manifests ENABLE ALWAYS TRIGGER on_manifests"},
      {manifests, "on_replicated",
       "ALTER TABLE dynpgext.manifests ENABLE REPLICA TRIGGER on_replicated"}};
  bool mended = false;
  for (const own_trigger &t : all) {
    if (!OidIsValid(t.table) || pg::trigger_mode(t.table, t.name) != 'O') continue;
    is_mending = true;
    try {
      pg::run_statement(t.mend);
    } catch (...) {
      is_mending = false;
      throw;
    }
    is_mending = false;
    mended = true;
  }
  if (mended) pg::make_visible();
  return mended;
}

}  // namespace dynpgext::provisioning
