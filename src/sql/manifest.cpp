// register, export, apply, and the trigger of the table with registrations by hand.
#include "manifests/manifest.h"

#include "extensions/extension.h"
#include "extensions/identity.h"
#include "extensions/judgement.h"
#include "extensions/ledger.h"
#include "extensions/restore.h"
#include "manifests/application.h"
#include "manifests/checks.h"
#include "manifests/declaration.h"
#include "manifests/rows.h"
#include "pg/role.h"
#include "pg/transaction.h"
#include "pg/trigger.h"
#include "sql/function.h"
#include "workers/launch.h"

namespace {

using namespace dynpgext;

// A script registers for its own extension; by hand, for any.  A script that runs as a superuser
// was written by an author whom a superuser trusts.  Any other script has the rights of the current
// role, and may run code of that role, such as functions found with its search_path.
provisioning::declared_by registrant(const std::string &extension) {
  const std::string script = pg::extension_in_creation();
  if (script.empty()) return provisioning::declared_by::hand;
  if (script == extension)
    return pg::is_superuser() ? provisioning::declared_by::script
                              : provisioning::declared_by::role_script;
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "the script of extension \"" + script + "\" cannot register for extension \"" +
                      extension + "\"",
                  {}, "A script registers for its own extension.");
}

void require_installed(const std::string &extension) {
  (void)provisioning::installed_version(extension);
}

// The script of a trusted extension runs as the bootstrap superuser, and would register as such:
// apply() has no rules for scripts.
void refuse_in_script() {
  const std::string script = pg::extension_in_creation();
  if (script.empty()) return;
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "the script of extension \"" + script + "\" cannot call dynpgext.apply()", {},
                  "Use dynpgext.register() in the script of an extension.");
}

// Commands that keep their identity when they are registered again.  A command without a role gets
// one.
std::vector<model::command> kept_commands(const catalog::store &store, const std::string &extension,
                                          provisioning::declared_by who) {
  if (who == provisioning::declared_by::script) return {};  // an update has its own rules
  std::vector<model::command> known = store.read_commands(extension);
  std::erase_if(known, [owners = pg::database_owners()](const model::command &c) {
    return !OidIsValid(c.identity.role) || provisioning::is_to_be_decided_anew(c.identity, owners);
  });
  return known;
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_register) {
  return pg::entry([=] {
    sql::require_arguments(fcinfo, 2,
                           "dynpgext.register(): extension and manifest must not be null");
    pg::require_writable("dynpgext.register()");
    const std::string extension = sql::name_argument(fcinfo, 0);
    const provisioning::declared_by who = registrant(extension);
    if (!state::available()) return Datum{0};  // pg_upgrade copies the rows itself
    const catalog::store store = sql::open_store();
    require_installed(extension);
    // takes turns with other registrations for it; somebody may just have dropped it.  A role that
    // does not own it is refused below, and blocks nobody.
    if (pg::owns_extension(extension) && !pg::lock_extension(extension.c_str()))
      require_installed(extension);
    model::manifest_result read =
        provisioning::parse_manifest(pg::json_text(fcinfo->args[1].value), extension);
    const auto beyond = provisioning::beyond_registrations(read.document);
    read.faults.insert(read.faults.end(), beyond.begin(), beyond.end());
    if (provisioning::is_script(who))
      provisioning::read_extowner(store, extension, who, read.document);
    const std::vector<model::command> kept = kept_commands(store, extension, who);
    provisioning::refuse_faulty(provisioning::check_manifest(read, store.read(), who, kept));
    model::extension_manifest &wanted = read.document.extensions.front();
    provisioning::decide_identities(store, wanted, who, kept);
    provisioning::declare(store, wanted, who);
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_export) {
  return pg::entry([=] {
    const catalog::store store = sql::open_store();
    std::string extension;
    if (!fcinfo->args[0].isnull) {
      extension = sql::name_argument(fcinfo, 0);
      require_installed(extension);
    }
    model::manifest m = provisioning::describe(store, extension);
    if (!m.whole_database && m.extensions.empty())
      throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "extension \"" + extension + "\" does not take part in dynpgext", {},
                      "SELECT extension FROM dynpgext.extensions shows those that do.");
    return pg::json_datum(provisioning::manifest_text(m));
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_apply) {
  return pg::entry([=] {
    sql::require_arguments(fcinfo, 2, "dynpgext.apply(): manifest and dry_run must not be null");
    refuse_in_script();
    const bool dry_run = DatumGetBool(fcinfo->args[1].value);
    if (!dry_run) pg::require_writable("dynpgext.apply()");
    const catalog::store store = sql::open_store();
    const model::manifest_result read =
        provisioning::parse_manifest(pg::json_text(fcinfo->args[0].value), {});
    sql::result_set rows(fcinfo);
    for (const model::action &a : provisioning::apply(store, read, dry_run)) {
      rows.text(model::name_of(a.object)).text(a.name).name(a.extension);
      rows.text(model::name_of(a.kind)).text(a.detail).end_row();
    }
    return Datum{0};
  });
}

// Rows of dynpgext.manifests were written directly: by a restore, or by hand.
DYNPGEXT_SQL_FUNCTION(dynpgext_on_manifests) {
  return pg::entry([=] {
    pg::require_trigger(fcinfo);
    if (!state::available()) return Datum{0};
    if (pg::replicates()) {
      provisioning::note_replicated();
      return Datum{0};
    }
    pg::make_visible();  // the rows that the statement has written
    if (const auto store = catalog::store::open()) {
      provisioning::await_other_half(*store);
      provisioning::follow_manifests(*store);
    }
    return Datum{0};
  });
}

// Rows of dynpgext.identities were written: by a restore.
DYNPGEXT_SQL_FUNCTION(dynpgext_on_identities) {
  return pg::entry([=] {
    pg::require_trigger(fcinfo);
    if (!state::available()) return Datum{0};
    pg::make_visible();  // the rows that the statement has written
    if (const auto store = catalog::store::open()) {
      provisioning::await_other_half(*store);
      provisioning::judge_identities(*store);
      provisioning::follow_identities(*store);
    }
    return Datum{0};
  });
}
