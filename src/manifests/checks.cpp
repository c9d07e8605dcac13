#include "manifests/checks.h"

#include "extensions/identity.h"
#include "extensions/ledger.h"
#include "extensions/participant.h"
#include "model/registration_index.h"
#include "pg/library.h"
#include "pg/role.h"
#include "shared/root.h"

namespace dynpgext::provisioning {
namespace {

using model::json::child;

class checker {
 public:
  checker(const model::manifest &m, const model::registrations &all, declared_by who,
          const std::vector<model::command> &known)
      : manifest_(m),
        all_(all),
        who_(who),
        known_(known),
        // the restoring role may not be the writer of rows of manifests
        decides_(pg::is_superuser() && (who != declared_by::restore || is_source_trusted())) {}

  std::vector<model::json::fault> check() {
    const std::vector<model::installed_extension> installed = catalog::installed_extensions();
    for (const model::extension_manifest &e : manifest_.extensions) {
      const auto found =
          std::find_if(installed.begin(), installed.end(),
                       [&](const model::installed_extension &i) { return i.name == e.extension; });
      if (found == installed.end()) {
        fault(child(e.place, "extension"),
              "extension \"" + e.extension + "\" " +
                  (e.extension == "dynpgext" ? "does not take part" : "does not exist"));
        continue;
      }
      check_extension(e);
    }
    if (manifest_.whole_database) check_unnamed();
    return std::move(faults_);
  }

  // Settings of workers that are left out are deleted.
  std::vector<model::json::fault> check_settings_left_out() {
    if (pg::is_superuser()) return {};
    for (const model::worker_settings &s : all_.settings) {
      const auto e = std::find_if(
          manifest_.extensions.begin(), manifest_.extensions.end(),
          [&](const model::extension_manifest &m) { return m.extension == s.extension; });
      const bool is_listed = e != manifest_.extensions.end();
      if (!is_listed && !manifest_.whole_database) continue;
      model::extension_manifest nothing;
      nothing.extension = s.extension;
      nothing.place = "/extensions";
      const model::extension_manifest &of = is_listed ? *e : nothing;
      const bool is_named = std::any_of(
          of.settings.begin(), of.settings.end(),
          [&](const model::declared_settings &d) { return d.settings.worker == s.worker; });
      if (!is_named && may_be_global(of, s.worker))
        fault(is_listed ? child(of.place, "settings") : of.place,
              "only a superuser may delete settings of worker \"" + s.worker +
                  "\" of extension \"" + s.extension + "\": it is or may be global");
    }
    return std::move(faults_);
  }

  std::vector<model::json::fault> check_one(const model::extension_manifest &e) {
    check_extension(e);
    return std::move(faults_);
  }

 private:
  void fault(const std::string &place, std::string message) {
    faults_.push_back({place, std::move(message), true});
  }

  // Extensions that are left out lose everything: that, too, is for owners only.
  void check_unnamed() {
    if (pg::is_superuser()) return;
    std::vector<model::extension> extensions = all_.extensions;
    std::sort(extensions.begin(), extensions.end(),
              [](const auto &a, const auto &b) { return a.name < b.name; });
    for (const model::extension &e : extensions) {
      const auto is_its = [&](const auto &row) { return row.extension == e.name; };
      const bool has_any =
          std::any_of(all_.settings.begin(), all_.settings.end(), is_its) ||
          std::any_of(all_.allocations.begin(), all_.allocations.end(),
                      [&](const model::allocation &a) { return a.declared && is_its(a); }) ||
          std::any_of(all_.workers.begin(), all_.workers.end(),
                      [&](const model::worker &w) { return w.declared && is_its(w); });
      if (has_any && !is_named(e.name) && !pg::owns_extension(e.name))
        fault("/extensions", "must be owner of extension \"" + e.name + "\", which it leaves out");
    }
  }

  bool is_named(const std::string &extension) const {
    return std::any_of(
        manifest_.extensions.begin(), manifest_.extensions.end(),
        [&](const model::extension_manifest &e) { return e.extension == extension; });
  }

  void check_extension(const model::extension_manifest &e) {
    if (!pg::is_superuser() && !pg::owns_extension(e.extension))
      return fault(e.place, "must be owner of extension \"" + e.extension + "\"");
    for (const model::declared_allocation &a : e.allocations) check_allocation(a);
    for (const model::declared_worker &w : e.workers) check_worker(w);
    for (const model::declared_settings &s : e.settings) check_settings(e, s);
    const bool decides =
        who_ == declared_by::script ? pg::decides_for_server(e.extension) : decides_;
    if (!decides) check_reach(e);
  }

  // Effects beyond this database and this extension are for superusers: a global worker may replace
  // another database's, and a library finds memory by its name alone.  The memory registered by a
  // script that runs as a superuser is its author's decision, whoever creates the extension.
  void check_reach(const model::extension_manifest &e) {
    constexpr const char *what_is_global = "only a superuser may register global objects";
    const model::extension *owner = index_.find_extension(e.extension);
    const bool has_code =
        !pg::libraries_of_functions(pg::extension_oid(e.extension.c_str())).empty() ||
        (owner != nullptr && !owner->library.empty()) ||
        std::any_of(all_.workers.begin(), all_.workers.end(), [&](const model::worker &w) {
          return w.extension == e.extension && !w.hosted;
        });
    for (const model::declared_allocation &a : e.allocations) {
      if (who_ == declared_by::script) break;
      if (const auto *known = index_.find_allocation(a.allocation.name);
          known != nullptr && *known == a.allocation)
        continue;
      // its library may later register the name, with the size that its code relies on
      if (has_code) {
        fault(child(a.place, "name"),
              "only a superuser may register memory for an extension that has code in C");
        continue;
      }
      if (a.allocation.scope == model::scope::global)
        fault(child(a.place, "scope"), what_is_global);
      if (!a.allocation.name.starts_with(e.extension + ":"))
        fault(child(a.place, "name"),
              "only a superuser may register a name that does not begin with \"" + e.extension +
                  ":\"");
    }
    for (const model::declared_worker &w : e.workers)
      if (w.worker.scope == model::scope::global && !is_known_elsewhere(w))
        fault(child(w.place, "scope"), what_is_global);
    for (const model::declared_settings &s : e.settings) {
      const model::worker_settings *before = index_.find_settings(e.extension, s.settings.worker);
      if (before != nullptr && *before == s.settings) continue;
      if (may_be_global(e, s.settings.worker))
        fault(child(s.place, "worker"), "only a superuser may configure a global worker");
    }
  }

  // A worker that is not registered at the moment may become global.
  bool may_be_global(const model::extension_manifest &e, const std::string &worker) const {
    const bool is_declared =
        std::any_of(e.workers.begin(), e.workers.end(),
                    [&](const model::declared_worker &w) { return w.worker.name == worker; });
    if (is_declared) return false;
    const model::worker *known = index_.find_worker(e.extension, worker);
    return known == nullptr ? all_.may_have_worker(e.extension, worker, state::attach().root->boot)
                            : known->scope == model::scope::global;
  }

  // Does the document withdraw another extension's declared name?
  bool gives_up(const model::allocation &taken) const {
    if (!taken.declared) return false;
    for (const model::extension_manifest &e : manifest_.extensions) {
      if (e.extension != taken.extension) continue;
      return std::none_of(
          e.allocations.begin(), e.allocations.end(),
          [&](const model::declared_allocation &a) { return a.allocation.name == taken.name; });
    }
    return manifest_.whole_database;
  }

  void check_allocation(const model::declared_allocation &a) {
    const model::allocation *known = index_.find_allocation(a.allocation.name);
    if (known == nullptr) return;
    if (known->extension != a.allocation.extension) {
      if (!gives_up(*known))
        fault(child(a.place, "name"),
              "the name is taken by extension \"" + known->extension + "\" in this database");
    } else if (!known->declared) {
      fault(child(a.place, "name"), "the library of the extension registers it");
    } else if (known->size != a.allocation.size) {
      fault(child(a.place, "size"),
            "it has " + std::to_string(known->size) +
                " bytes, and must be left out before it can get another size");
    } else if (known->scope != a.allocation.scope) {
      fault(child(a.place, "scope"), std::string("it is ") + model::name_of(known->scope) +
                                         ", and must be left out before it can get another scope");
    }
  }

  void check_worker(const model::declared_worker &w) {
    const model::worker *known = index_.find_worker(w.worker.extension, w.worker.name);
    if (known != nullptr && !known->declared)
      fault(child(w.place, "name"), "the library of the extension registers it");
    if (w.command)
      check_role(w);
    else
      check_function(w);
  }

  void check_role(const model::declared_worker &w) {
    if (is_unchanged(*w.command, known_)) return;
    const std::string message = fault_of_role(*w.command, who_);
    if (!message.empty()) fault(child(w.place, "run_as"), message);
  }

  // In a row that changes something else.
  bool is_known_elsewhere(const model::declared_worker &w) const {
    const model::worker *known = index_.find_worker(w.worker.extension, w.worker.name);
    return who_ == declared_by::restore && known != nullptr && *known == w.worker;
  }

  void check_function(const model::declared_worker &w) {
    const std::string &library = w.worker.library;
    if (!decides_ && !is_known_elsewhere(w))
      fault(child(w.place, "library"), "only a superuser may register a function in C");
    else if (pg::library_file(library).empty())
      fault(child(w.place, "library"), "there is no library \"" + library + "\"");
    else if (pg::library_function(library, w.worker.function.c_str()) == nullptr)
      fault(child(w.place, "function"),
            "library \"" + library + "\" has no function \"" + w.worker.function + "\"");
  }

  void check_settings(const model::extension_manifest &e, const model::declared_settings &s) {
    for (const model::declared_worker &w : e.workers)
      if (w.worker.name == s.settings.worker) return check_interval(w.worker, s);
    const model::worker *known = index_.find_worker(e.extension, s.settings.worker);
    const bool goes = known != nullptr && known->declared;
    if (known != nullptr && !goes) check_interval(*known, s);
    if (!goes && all_.may_have_worker(e.extension, s.settings.worker, state::attach().root->boot))
      return;
    fault(child(s.place, "worker"), "the extension has no worker \"" + s.settings.worker + "\"");
  }

  void check_interval(const model::worker &w, const model::declared_settings &s) {
    if (s.settings.run_interval && !w.hosted)
      fault(child(s.place, "interval"), "only of a worker that runs a command");
  }

  const model::manifest &manifest_;
  const model::registrations &all_;
  const model::registration_index index_{all_};
  declared_by who_;
  const std::vector<model::command> &known_;
  bool decides_;  // for the whole server, and on C code
  std::vector<model::json::fault> faults_;
};

// Is it about an item with a fault in its form, so that it may have been misread?
bool follows_from(const std::vector<model::json::fault> &of_the_form, const model::json::fault &f) {
  const std::string item = f.pointer.substr(0, f.pointer.rfind('/'));
  const size_t list = f.pointer.find("/settings/");
  return std::any_of(of_the_form.begin(), of_the_form.end(), [&](const model::json::fault &known) {
    if (known.pointer == f.pointer || f.pointer.starts_with(known.pointer + "/")) return true;
    // the list of workers is unknown
    if (list != f.pointer.npos && known.pointer.starts_with(f.pointer.substr(0, list) + "/workers"))
      return true;
    const bool is_listed = std::count(item.begin(), item.end(), '/') > 1;
    return is_listed && (known.pointer == item || known.pointer.starts_with(item + "/"));
  });
}

}  // namespace

std::vector<model::json::fault> check_manifest(const model::manifest_result &read,
                                               const model::registrations &all, declared_by who,
                                               const std::vector<model::command> &known) {
  std::vector<model::json::fault> faults = checker(read.document, all, who, known).check();
  std::erase_if(faults, [&](const model::json::fault &f) { return follows_from(read.faults, f); });
  faults.insert(faults.begin(), read.faults.begin(), read.faults.end());
  return faults;
}

std::vector<model::json::fault> check_settings_left_out(const model::manifest &m,
                                                        const model::registrations &all) {
  return checker(m, all, declared_by::hand, {}).check_settings_left_out();
}

std::vector<model::json::fault> beyond_registrations(const model::manifest &m) {
  std::vector<model::json::fault> faults;
  for (const model::extension_manifest &e : m.extensions) {
    if (!e.settings.empty())
      faults.push_back(
          {child(e.place, "settings"), "settings are for DBAs, with dynpgext.apply()", true});
    if (e.library)
      faults.push_back(
          {child(e.place, "library"), "only the library itself can register this", true});
  }
  return faults;
}

std::vector<model::json::fault>
check_with_others(const model::extension_manifest &e,
                  const std::vector<model::extension_manifest> &others,
                  const model::registrations &all) {
  model::manifest together;
  together.extensions = others;
  std::vector<model::command> decided;  // their roles
  for (const model::declared_worker &w : e.workers)
    if (w.command) decided.push_back(*w.command);
  return checker(together, all, declared_by::restore, decided).check_one(e);
}

}  // namespace dynpgext::provisioning
