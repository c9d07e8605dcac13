#include "manifests/application.h"

#include <set>

#include "extensions/execution.h"
#include "extensions/extension.h"
#include "extensions/identity.h"
#include "extensions/judgement.h"
#include "extensions/ledger.h"
#include "manifests/checks.h"
#include "manifests/declaration.h"
#include "manifests/manifest.h"
#include "pg/lock.h"
#include "pg/role.h"
#include "shared/root.h"

namespace dynpgext::provisioning {
namespace {

using model::action;
using model::action_kind;
using model::object_kind;

bool is_about(const action &a, const action &b) {
  return a.object == b.object && a.name == b.name && a.extension == b.extension;
}

// Differences between a manifest and the present registrations and settings.
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
      if (named || e.is_library) continue;
      model::extension_manifest nothing;
      nothing.extension = e.name;
      compare(before, nothing);
    }
  }

  model::registrations after;  // the target
  // Extensions with changed declarations, and changed settings: one without values is reset.
  std::vector<model::extension_manifest> declarations;
  std::vector<model::worker_settings> settings;
  std::vector<action> changes;  // one for each changed object

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
              "initial content, at the next time it is made");
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
      // those of a removed worker are for one that may return
      const bool counts =
          before.may_have_worker(s.extension, s.worker, boot_) ||
          std::any_of(e.workers.begin(), e.workers.end(),
                      [&](const model::declared_worker &w) { return w.worker.name == s.worker; });
      if (!named && counts) set({s.extension, s.worker, {}, {}, {}}, "its settings are deleted");
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
    if (!s.is_empty()) after.settings.push_back(s);
  }

  const catalog::store &store_;
  const std::int64_t boot_ = state::attach().root->boot;
  size_t differences_ = 0;  // an object may have several
};

// The consequences of the changes, as a reload would see them, including changes without an
// immediate effect.
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

// Registrations by code cannot be changed by a document: a difference is only reported.
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
                    "\" registers other objects here than the manifest does",
                "That part of a manifest is not applied: a library registers in its code.");
    }
  }
}

// Takes turns with other registrations for them and settings of their workers, in the order of
// their names.
void lock_extensions(const catalog::store &store, const model::manifest &wanted) {
  std::set<std::string> names;
  for (const model::extension_manifest &e : wanted.extensions) names.insert(e.extension);
  if (wanted.whole_database)
    for (const model::extension &e : store.read().extensions) names.insert(e.name);
  // a role that does not own them is refused below, and must not block others
  std::erase_if(names, [](const std::string &name) { return !pg::owns_extension(name); });
  for (const std::string &name : names) (void)pg::lock_extension(name.c_str());
  for (const std::string &name : names) take_turn_to_configure(name);
}

}  // namespace

std::vector<action> apply(const catalog::store &store, const model::manifest_result &read,
                          bool dry_run) {
  if (!dry_run) lock_extensions(store, read.document);
  std::vector<model::command> known = store.read_commands({});
  std::erase_if(known, [owners = pg::database_owners()](const model::command &c) {
    return is_to_be_decided_anew(c.identity, owners);
  });
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
  // first removes what is withdrawn: another extension may want the name
  for (const model::extension_manifest &e : c.declarations) take_back(store, e);
  for (const model::extension_manifest &e : c.declarations) declare(store, e, declared_by::hand);
  for (const model::worker_settings &s : c.settings) {
    touch(store);
    store.write(s);
  }
  // including those that were replaced with global ones
  const model::registrations now = store.read();
  for (const model::extension_manifest &e : c.declarations)
    for (const model::declared_settings &d : e.settings) {
      const model::worker_settings &s = d.settings;
      const model::worker_settings *there = now.find_settings(s.extension, s.worker);
      if (there == nullptr || *there != s) store.write(s);
    }
  return result;
}

}  // namespace dynpgext::provisioning
