// The event triggers, and the last line of the install script.
#include "catalog/hosted.h"
#include "catalog/store.h"
#include "extensions/capture.h"
#include "extensions/identity.h"
#include "extensions/ledger.h"
#include "extensions/own_triggers.h"
#include "extensions/restore.h"
#include "launcher/extension_commands.h"
#include "manifests/rows.h"
#include "pg/command_end.h"
#include "pg/database_mark.h"
#include "pg/database_origin.h"
#include "pg/event_trigger.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/script_runner.h"
#include "pg/search_path.h"
#include "pg/trigger.h"
#include "shared/provisioning_lock.h"
#include "sql/function.h"
#include "workers/database_end.h"
#include "workers/launch.h"

namespace {

using namespace dynpgext;

void require_event_trigger(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
    throw pg::error(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED,
                    "this function of dynpgext is for its event triggers only");
}

// The effect of a command on dynpgext itself: it may also be dropped with a schema or its owner.
enum class fate : std::uint8_t { stays, may_go, goes };

fate fate_of_dynpgext(const Node *statement) {
  if (nodeTag(statement) == T_DropOwnedStmt) return fate::may_go;
  if (nodeTag(statement) != T_DropStmt) return fate::stays;
  const auto *drop = reinterpret_cast<const DropStmt *>(statement);
  if (drop->removeType == OBJECT_SCHEMA) return fate::may_go;
  if (drop->removeType != OBJECT_EXTENSION) return fate::stays;
  for (int i = 0; i < list_length(drop->objects); ++i)
    if (std::string_view("dynpgext") == strVal(list_nth(drop->objects, i))) return fate::goes;
  return fate::may_go;
}

// pg_restore --disable-triggers --jobs enables triggers in several sessions at once: their turns
// begin here, before they lock tables that the others then write.
void await_turn(const Node *statement) {
  const Oid table = pg::table_of_enabled_triggers(statement);
  if (!OidIsValid(table) || !pg::is_superuser() || !pg::is_member_table(table, "dynpgext")) return;
  const auto store = catalog::store::open();
  if (!store ||
      (table != store->settings() && table != store->manifests() && table != store->identities()))
    return;
  provisioning::await_other_half(*store);
  provisioning::look_at_source(*store);  // here, where no function sets other settings
}

// Has the command enabled triggers of one of dynpgext's tables?
bool enables_own_triggers(const Node *statement) {
  if (!pg::enables_triggers(statement)) return false;
  const std::vector<Oid> changed = pg::changed_relations();
  return std::any_of(changed.begin(), changed.end(),
                     [](Oid table) { return pg::is_member_table(table, "dynpgext"); });
}

void capture(bool only_changed) {
  if (!state::available()) return;  // pg_upgrade copies the rows itself
  if (const auto store = catalog::store::open()) provisioning::capture(*store, only_changed);
}

// PostgreSQL lets every role that may create a trusted extension choose any schema for it.  DROP
// EXTENSION dynpgext would need CASCADE.
void refuse_in_own_schemas(const Node *statement) {
  if (nodeTag(statement) != T_CreateExtensionStmt || pg::is_superuser(pg::script_runner())) return;
  for (const model::installed_extension &i : catalog::installed_extensions()) {
    if (!i.changed) continue;
    const std::string schema = pg::schema_name(pg::find_extension(i.name)->schema);
    if (schema == "dynpgext" || schema == "dynpgext_internal")
      throw pg::error(ERRCODE_INSUFFICIENT_PRIVILEGE,
                      "permission denied to create extension \"" + i.name + "\" in schema \"" +
                          schema + "\"",
                      "The schema is for the objects of extension \"dynpgext\".",
                      "Choose another schema with CREATE EXTENSION ... SCHEMA.");
  }
}

// A library hosted under the extension's name belongs to the server, and stays.
void tell_of_hosted(const std::vector<std::string> &dropped) {
  const auto store = catalog::store::open();
  if (!store) return;
  for (const catalog::hosted_row &row : catalog::read_hosted(*store))
    if (std::find(dropped.begin(), dropped.end(), row.library) != dropped.end())
      pg::log(NOTICE, "library \"" + row.library + "\" stays hosted",
              "Use dynpgext.unhost() to take it out of the server.");
}

}  // namespace

// ddl_command_end of CREATE and ALTER EXTENSION, sql_drop: something may have changed.  A drop of
// anything else opens none of dynpgext's tables: it would wait for locks on them.
DYNPGEXT_SQL_FUNCTION(dynpgext_on_change) {
  return pg::entry([=] {
    require_event_trigger(fcinfo);
    const auto *data = reinterpret_cast<EventTriggerData *>(fcinfo->context);
    const bool is_drop = std::string_view(data->event) == "sql_drop";
    const std::vector<std::string> dropped =
        is_drop ? pg::dropped_extensions() : std::vector<std::string>{};
    if (!is_drop) refuse_in_own_schemas(data->parsetree);
    if (!is_drop || !dropped.empty()) capture(true);
    if (!dropped.empty()) tell_of_hosted(dropped);
    if (state::available() && IsA(data->parsetree, DropOwnedStmt))
      if (const auto store = catalog::store::open()) provisioning::clear_given_up(*store);
    if (!is_drop) pg::leave_command();
    return Datum{0};
  });
}

// ddl_command_start, before the command takes any lock: stops workers that would be in its way.  If
// it drops dynpgext itself, the other triggers do not fire.
DYNPGEXT_SQL_FUNCTION(dynpgext_on_command_start) {
  return pg::entry([=] {
    require_event_trigger(fcinfo);
    if (!state::available()) return Datum{0};
    state::meet_database(state::attach());
    const Node *statement = reinterpret_cast<const EventTriggerData *>(fcinfo->context)->parsetree;
    if (nodeTag(statement) == T_CreateExtensionStmt || nodeTag(statement) == T_AlterExtensionStmt)
      pg::note_script_runner();
    const fate of_dynpgext = fate_of_dynpgext(statement);
    // better here than in the commit, see provisioning::touch()
    if (IsUnderPostmaster && of_dynpgext == fate::goes)
      state::await_provisioning(state::attach(), MyDatabaseId);
    if (of_dynpgext != fate::stays) provisioning::suspect_drop();
    await_turn(statement);
    supervision::make_room_for(statement);
    return Datum{0};
  });
}

// ddl_command_end of ALTER TABLE: the triggers of our tables may have been disabled for a while.
// For other tables this opens none of ours, see dynpgext_on_change().
DYNPGEXT_SQL_FUNCTION(dynpgext_on_alter) {
  return pg::entry([=] {
    require_event_trigger(fcinfo);
    const auto *data = reinterpret_cast<EventTriggerData *>(fcinfo->context);
    if (!state::available() || !enables_own_triggers(data->parsetree)) return Datum{0};
    const auto store = catalog::store::open();
    if (!store || !provisioning::mend_triggers(*store)) return Datum{0};
    provisioning::touch(*store);  // settings
    provisioning::judge_identities(*store);
    provisioning::follow_identities(*store);
    (void)provisioning::follow_untold_manifests(*store, {}, provisioning::looker::chance);
    return Datum{0};
  });
}

// CREATE EXTENSION dynpgext: installed extensions take part from now on.
DYNPGEXT_SQL_FUNCTION(dynpgext_adopt) {
  return pg::entry([=] {
    if (!creating_extension)
      throw pg::error(
          ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
          "dynpgext_internal.adopt_installed_extensions() is for dynpgext's install script only",
          {}, "Use dynpgext.reload().");
    if (!state::available()) return Datum{0};
    if (const auto store = catalog::store::open()) {
      provisioning::touch(*store);  // makes the database known, even without any
      provisioning::note_arrival();
      (void)pg::require_database_mark();
      pg::note_original_database();
      provisioning::capture(*store, false);
      // an extension that creates dynpgext by CASCADE is installed after it, by the same command
      pg::fire_at_command_end();
    }
    return Datum{0};
  });
}
