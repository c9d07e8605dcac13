#include "extensions/extension.h"

#include "extensions/declared.h"
#include "extensions/init_run.h"
#include "extensions/ledger.h"
#include "extensions/participant.h"
#include "guard/quarantine.h"
#include "model/registration_index.h"
#include "pg/fault.h"
#include "pg/library.h"
#include "pg/role.h"
#include "pg/strangers.h"
#include "pg/transaction.h"
#include "shared/root.h"
#include "workers/extension_code.h"

namespace dynpgext::provisioning {
namespace {

model::extension *find(model::registrations &all, const std::string &name) {
  const auto found = std::find_if(all.extensions.begin(), all.extensions.end(),
                                  [&](const model::extension &e) { return e.name == name; });
  return found == all.extensions.end() ? nullptr : &*found;
}

bool may_write() { return !RecoveryInProgress() && !XactReadOnly && !IsInParallelMode(); }

// Are these the existing rows?
bool is_registered(const model::registrations &all, const model::extension &e, const collected &c) {
  const model::registration_index index(all);
  const model::extension *known = index.find_extension(e.name);
  if (known == nullptr || !(*known == e)) return false;
  const collected rows = rows_of(all, e.name);
  if (rows.allocations.size() + rows.workers.size() != c.allocations.size() + c.workers.size())
    return false;
  for (const model::allocation &a : c.allocations) {
    const model::allocation *row = index.find_allocation(a.name);
    if (row == nullptr || !(*row == a)) return false;
  }
  for (const model::worker &w : c.workers) {
    const model::worker *row = index.find_worker(w.extension, w.name);
    if (row == nullptr || !(*row == w)) return false;
  }
  return true;
}

void write(const catalog::store &store, const model::registrations &all, const model::extension &e,
           const collected &c) {
  if (is_registered(all, e, c)) return;
  if (!may_write())
    throw pg::error(
        ERRCODE_READ_ONLY_SQL_TRANSACTION,
        "library \"" + e.library + "\" of extension \"" + e.name +
            "\" registers other objects than the catalog has",
        "They cannot be registered in a read-only or parallel transaction, or on a standby.",
        "Call dynpgext.reload() on the primary.");
  touch(store);
  (void)store.write(e, c.allocations, c.workers);
}

void check_version(const std::string &name, const std::string &version) {
  if (version.size() <= DYNPGEXT_MAX_NAME) return;
  throw pg::error(ERRCODE_NAME_TOO_LONG,
                  "the version of extension \"" + name + "\" has " +
                      std::to_string(version.size()) + " bytes",
                  "At most " + std::to_string(DYNPGEXT_MAX_NAME) + " are possible.");
}

// Without a library, declarations in SQL are all its registrations.
void run_and_write(const catalog::store &store, const model::extension &e,
                   const std::optional<entry_points> &library,
                   resized on_resize = resized::refused) {
  const model::registrations all = store.read();
  collected c;
  if (library) c = run_init(e, *library, store.owner(), all, on_resize);
  DYNPGEXT_FAULT_POINT("init.run");
  add_declared(store, e, rows_of(all, e.name, registrar::sql), c);
  write(store, all, e, c);
  DYNPGEXT_FAULT_POINT("init.written");
  note_extension(e.name, model::extension_state::provisioned);
}

bool is_quarantined(const std::string &name) {
  return state::is_quarantined(state::attach(), MyDatabaseId, name);
}

std::optional<entry_points> load_if_any(const model::extension &e) {
  if (!e.library.empty()) return load_participant(e.name, e.library);
  require_allowed(e.name);
  return std::nullopt;
}

// It is installed or updated, but none of its code runs.
void leave_quarantined(const std::string &name) {
  note_extension(name, model::extension_state::quarantined);
  pg::log(WARNING, "extension \"" + name + "\" is quarantined: nothing of it is provisioned",
          "It has taken the server down repeatedly. Use dynpgext.release() to end the quarantine.");
}

bool is_eager(const model::extension &e, const std::optional<entry_points> &library) {
  if (!library || library->eager_preload == nullptr) return true;
  state::extension_code code(e.name, e.library);
  const auto ask = library->eager_preload;
  return code.run([=] { return pg::call([=] { return ask(); }); });
}

// A worker in C may write tables of its extension, by default as a superuser. dynpgext cannot
// decide which triggers fire then.
void warn_of_strangers(const catalog::store &store, const std::string &name) {
  const model::registrations all = store.read();
  const auto connects = [&](const model::worker &w) {
    return w.extension == name && !w.hosted &&
           (w.flags & BGWORKER_BACKEND_DATABASE_CONNECTION) != 0;
  };
  const auto found = std::find_if(all.workers.begin(), all.workers.end(), connects);
  if (found == all.workers.end()) return;
  pg::stranger stranger = pg::stranger_in_members(name, BOOTSTRAP_SUPERUSERID);
  // the worker may name its tables by their schema, which may be another one after a rename
  if (!stranger && pg::has_tables(name))
    stranger = pg::stranger_in_schema(name, BOOTSTRAP_SUPERUSERID);
  if (!stranger) return;
  pg::log(
      WARNING,
      "background worker \"" + found->name + "\" of extension \"" + name +
          "\" may run as a superuser: " + stranger.text(),
      "Code of other roles would run with the rights of the worker. The privileges may come from "
      "ALTER DEFAULT PRIVILEGES: REVOKE them, and drop triggers and foreign keys of other roles.");
}

[[noreturn]] void not_taking_part(const std::string &name) {
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "extension \"" + name + "\" does not take part in dynpgext",
                  "No library of it declares DYNPGEXT_MAGIC.");
}

}  // namespace

std::string installed_version(const std::string &name) {
  if (name == "dynpgext")
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "extension \"dynpgext\" does not take part in dynpgext",
                    "It registers nothing for itself.");
  for (const model::installed_extension &i : catalog::installed_extensions())
    if (i.name == name) return i.version;
  throw pg::error(ERRCODE_UNDEFINED_OBJECT, "extension \"" + name + "\" does not exist", {},
                  "Use CREATE EXTENSION to install it in this database.");
}

void warn_of_closed_tables(const catalog::store &store, const std::string &name) {
  std::string worker;
  const Oid owner = pg::extension_owner(pg::extension_oid(name.c_str()));
  for (const model::command &c : store.read_commands(name))
    if (c.identity.role == owner && worker.empty()) worker = c.worker;
  if (worker.empty()) return;
  const std::vector<std::string> tables = pg::tables_closed_to_owner(name);
  if (tables.empty()) return;
  std::string list = tables.front();
  for (size_t i = 1; i < tables.size(); ++i) list += ", " + tables[i];
  pg::log(WARNING,
          "SQL worker \"" + worker + "\" of extension \"" + name +
              "\" runs as the owner of the extension, who has no privileges on: " + list,
          "The script of a trusted extension runs as a superuser, who owns the created objects. If "
          "the worker needs them, the script must GRANT ... TO @extowner@, or the manifest must "
          "name another role (run_as).");
}

void refuse_hosted(const std::string &name) {
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "library \"" + name +
                      "\" is hosted, and its workers are registered by hosting it",
                  {}, "Use dynpgext.unhost() first.");
}

int64 new_incarnation() {
  int64 value = 0;
  if (!pg_strong_random(&value, sizeof value)) value = GetCurrentTimestamp();
  return value;
}

bool is_registered_by_hand(const catalog::store &store, const std::string &extension) {
  const auto rows = store.read_manifests();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const auto &row) { return row.extension == extension; });
}

bool add(const catalog::store &store, const std::string &name, const std::string &version) {
  model::extension e;
  e.name = name;
  e.version = version;
  e.library = participating_library(name, version);
  if (e.library.empty()) return false;
  check_version(name, version);
  e.incarnation = new_incarnation();
  if (is_quarantined(name)) {
    touch(store);
    (void)store.write(e, {}, {});
    leave_quarantined(name);
    return true;
  }
  const entry_points library = load_participant(name, e.library);
  e.eager = is_eager(e, library);
  e.loaded = e.eager;
  touch(store);
  (void)store.write(e, {}, {});
  DYNPGEXT_FAULT_POINT("add.written");
  if (e.loaded) run_and_write(store, e, library);
  warn_of_strangers(store, name);
  return true;
}

void provision(const catalog::store &store, const model::extension &extension) {
  run_and_write(store, extension, load_if_any(extension));
}

void provision_anew(const catalog::store &store, const model::extension &extension) {
  run_and_write(store, extension, load_if_any(extension), resized::replaced);
}

void update(const catalog::store &store, const std::string &name, const std::string &version) {
  model::registrations all = store.read();
  const model::extension old = *find(all, name);
  const int64 boot = state::attach().root->boot;
  model::extension e = old;
  e.version = version;
  e.library = participating_library(name, version);
  touch(store);
  const collected declared = rows_of(all, name, registrar::sql);
  const bool declares = !declared.allocations.empty() || !declared.workers.empty();
  // one that registers nothing by hand stays: a dump must carry this, see is_registered_by_hand()
  if (e.library.empty() && !declares && !is_registered_by_hand(store, name)) {
    remove(store, name);
    return;
  }
  check_version(name, version);
  if (is_quarantined(name)) {
    const collected rows = rows_of(all, name);
    (void)store.write(e, rows.allocations, rows.workers);
    leave_quarantined(name);
    return;
  }
  const std::optional<entry_points> library = load_if_any(e);
  e.eager = is_eager(e, library);
  if (e.wanted(boot)) {
    run_and_write(store, e, library);
  } else {
    (void)store.write(e, declared.allocations, declared.workers);
  }
  DYNPGEXT_FAULT_POINT("update.provisioned");
  warn_of_closed_tables(store, name);
  warn_of_strangers(store, name);
  if (old.wanted(boot)) fini_if_possible(old, store.owner());
}

std::string load(const catalog::store &store, const std::string &name,
                 const std::optional<std::string> &version) {
  std::string installed = installed_version(name);
  if (version && *version != installed)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    "extension \"" + name + "\" is installed in version \"" + installed +
                        "\", not \"" + *version + "\"",
                    {}, "Use ALTER EXTENSION ... UPDATE TO first.");
  model::registrations all = store.read();
  if (find(all, name) == nullptr) {
    if (!add(store, name, installed)) not_taking_part(name);
    all = store.read();
  }
  model::extension e = *find(all, name);
  const int64 boot = state::attach().root->boot;
  if (is_quarantined(name))
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "extension \"" + name + "\" is quarantined", {},
                    "Use dynpgext.release() to end that.");
  if (e.is_library) not_taking_part(name);
  if (e.wanted(boot) && e.version == installed) return installed;
  e.version = installed;
  e.loaded = true;
  e.boot = boot;
  touch(store);
  run_and_write(store, e, load_if_any(e));
  return installed;
}

bool unload(const catalog::store &store, const std::string &name) {
  (void)installed_version(name);
  model::registrations all = store.read();
  const model::extension *known = find(all, name);
  if (known == nullptr || !known->wanted(state::attach().root->boot)) return false;
  if (known->is_library) refuse_hosted(name);
  model::extension e = *known;
  touch(store);
  fini_if_possible(e, store.owner());
  e.loaded = false;
  const collected declared = rows_of(all, name, registrar::sql);
  (void)store.write(e, declared.allocations, declared.workers);
  return true;
}

void remove(const catalog::store &store, const std::string &name) {
  model::registrations all = store.read();
  const model::extension *known = find(all, name);
  if (known == nullptr) return;
  touch(store);
  if (known->wanted(state::attach().root->boot)) fini_if_possible(*known, store.owner());
  note_drop(name);
  store.erase(name);
  DYNPGEXT_FAULT_POINT("remove.erased");
}

void fini_if_possible(const model::extension &extension, Oid role) {
  // none of its code runs, and it must be possible to drop it
  if (is_quarantined(extension.name) || !is_allowed(extension.name)) return;
  if (extension.library.empty()) return;
  const std::string file = pg::library_file(extension.library);
  if (file.empty()) {
    pg::log(WARNING, "library \"" + extension.library + "\" of extension \"" + extension.name +
                         "\" is gone: its _Dynpgext_fini does not run");
    return;
  }
  if (!pg::library_defines(file, "_Dynpgext_fini")) return;
  run_fini(extension, load_participant(extension.name, extension.library), role);
}

}  // namespace dynpgext::provisioning
