#include "provisioning/manifest_rows.h"

#include "pg/role.h"
#include "pg/transaction.h"
#include "provisioning/declaration.h"
#include "provisioning/identity.h"
#include "provisioning/manifest.h"
#include "provisioning/manifest_checks.h"

namespace dynpgext::provisioning {
namespace {

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

}  // namespace

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

}  // namespace dynpgext::provisioning
