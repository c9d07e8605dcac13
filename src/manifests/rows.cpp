#include "manifests/rows.h"

#include "catalog/identity.h"
#include "extensions/identity.h"
#include "extensions/ledger.h"
#include "extensions/restore.h"
#include "manifests/checks.h"
#include "manifests/declaration.h"
#include "manifests/manifest.h"
#include "model/text.h"
#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::provisioning {
namespace {

std::string registering(const std::string &extension) {
  return "SELECT dynpgext.register(extension, manifest) FROM dynpgext.manifests WHERE extension = " +
         model::sql_literal(extension) + ".";
}

// A row of dynpgext.manifests that has to be followed.
struct pending_manifest {
  catalog::store::manifest_row row;
  model::extension_manifest wanted;
};

struct pending_manifests {
  pending_manifests(const catalog::store &from, std::string of)
      : store(from), extension(std::move(of)) {}

  const catalog::store &store;
  std::string extension;   // only of this one; empty: of all
  bool only_look = false;  // locks and writes nothing
  bool says_again = true;  // reports again why one cannot be followed
  bool strict = false;     // a fault of the form is an ERROR
  // Other roles than superusers may write only what they could register.  Anything else is an
  // ERROR: a stored row would be followed as a superuser's once others may no longer write.
  bool is_trusted = pg::is_superuser();
  std::vector<pending_manifest> found;

  void find(const model::registrations &all) {
    for (const catalog::store::manifest_row &row : store.read_manifests())
      if (!row.followed && (is_trusted || row.ours) &&
          (extension.empty() || row.extension == extension))
        add(all, row);
  }

  // It cannot be followed.
  void refuse(const catalog::store::manifest_row &row, const std::string &why) const {
    if (!says_again && row.refusal == why) return;
    if (!only_look && row.refusal != why) store.mark_refused(row, why);
    pg::log(
        WARNING,
        "the manifest of extension \"" + row.extension +
            "\" in dynpgext.manifests cannot be followed: " + why,
        "The row is kept. Check it first: it is registered with your rights. After repairing the "
        "cause: " +
            registering(row.extension));
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
      return refuse(row, "the extension is not installed in this database");
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
      return refuse(row, why->message);
    }
    if (read.faults.empty()) find_faults_of_roles(read);
    if (!is_trusted) refuse_faulty(read.faults);
    if (!read.faults.empty()) return refuse(row, model::json::text_of(read.faults.front()));
    model::extension_manifest &wanted = read.document.extensions.front();
    decide_identities(store, wanted, declared_by::restore, {});
    if (!is_declared(store, all, wanted))
      found.push_back({row, wanted});
    else if (!only_look)
      store.mark_followed(row);
  }
};

// Rows do not decide about roles, unless the restore has created dynpgext.
void warn_of_undecided(const model::extension_manifest &m) {
  for (const model::declared_worker &w : m.workers)
    if (w.command && catalog::is_undecided(w.command->identity))
      pg::log(WARNING,
              "SQL worker \"" + w.worker.name + "\" of extension \"" + m.extension +
                  "\" has no role to run as: the row of dynpgext.manifests was not restored with "
                  "dynpgext itself",
              "Check the row. A superuser names the role with \"run_as\": " +
                  registering(m.extension));
}

void declare_restored(const catalog::store &store, const pending_manifest &m) {
  warn_of_undecided(m.wanted);
  declare(store, m.wanted, declared_by::restore);
  store.mark_followed(m.row);
}

// Returns the extensions that could be followed.
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
      pending.refuse(m.row, model::json::text_of(faults.front()));
    }
  }
  // first removes what is withdrawn: another one may want the name
  const auto follow_all = [&] {
    for (const pending_manifest &m : good) take_back(store, m.wanted);
    for (const pending_manifest &m : good) declare_restored(store, m);
  };
  if (!pending.is_trusted) {
    follow_all();
    return followed;
  }
  if (!pg::attempt(follow_all)) return followed;
  // one at a time, if they could not all be followed together
  for (const pending_manifest &m : good)
    if (const auto reason = pg::attempt([&] { declare_restored(store, m); })) {
      pending.refuse(m.row, reason->message);
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
                                                 const std::string &extension, looker who) {
  // a restore in progress follows them itself, with their roles
  if (!is_source_trusted() && expects_trusted_rows(store)) return {};
  const std::vector<catalog::store::manifest_row> rows = store.read_manifests();
  if (std::all_of(rows.begin(), rows.end(), [](const auto &row) { return row.followed; }))
    return {};
  // like the trigger's function, which belongs to dynpgext's owner
  const pg::pinned_identity identity(store.owner());
  pending_manifests pending(store, extension);
  pending.only_look = who == looker::dry_run;
  pending.says_again = who != looker::chance;
  if (!pending.only_look) await_other_half(store);
  const model::registrations all = store.read();
  pending.find(all);
  if (pending.found.empty()) return {};
  if (!pending.only_look) return follow(pending, all);
  std::vector<std::string> names;
  for (const pending_manifest &m : pending.found) names.push_back(m.row.extension);
  return names;
}

}  // namespace dynpgext::provisioning
