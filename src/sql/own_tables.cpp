// Who may write dynpgext's own tables with SQL: their triggers and constraints.  A privilege to
// write them is not enough: members of pg_write_all_data have it without a grant.
//
// What is registered, and whom commands run as, is for superusers: whoever writes it decides what
// runs as whom.  Rows of manifests are for whoever may register, and are checked as register()
// checks what it is given: by a trigger at the end of the statement, with the rights of whoever
// writes.  Where that trigger does not fire, a constraint refuses the row.  So a row that no
// trigger has told of was written by a superuser.
#include "catalog/store.h"
#include "pg/brief_locks.h"
#include "pg/role.h"
#include "pg/trigger.h"
#include "sql/function.h"

namespace {

using namespace dynpgext;

constexpr const char *manifests = "manifests";

[[noreturn]] void refuse(const std::string &table, const std::string &why,
                         const std::string &hint) {
  throw pg::error(ERRCODE_INSUFFICIENT_PRIVILEGE,
                  "permission denied to write table \"dynpgext." + table + "\"", why, hint);
}

[[noreturn]] void refuse_others(const std::string &table) {
  const char *hint = "Use dynpgext.register(), apply() or configure_worker().";
  if (table == "identities") hint = "Use dynpgext.register() with \"run_as\".";
  if (table == "restore") hint = "Use dynpgext.begin_restore() and end_restore().";
  refuse(table, "Only superusers may write it.", hint);
}

void require_registrant() {
  if (pg::may_register(pg::current_role())) return;
  refuse(manifests, "Whoever writes it has to be allowed to register.",
         "GRANT EXECUTE ON FUNCTION dynpgext.register lets a role register for extensions that it "
         "owns.");
}

// A row of the extension is to go, or to become another one.
void require_owner(const std::string &extension) {
  if (pg::owns_extension(extension)) return;
  refuse(manifests, "It has a row of extension \"" + extension + "\", which is another role's.",
         "Change rows of extensions that you own.");
}

}  // namespace

// The constraint of manifests and identities, for a row that is written with SQL.
DYNPGEXT_SQL_FUNCTION(dynpgext_may_write) {
  return pg::entry([=] {
    if (pg::is_superuser()) return BoolGetDatum(true);
    const std::string table = sql::text_argument(fcinfo, 0);
    if (table != manifests) refuse_others(table);
    require_registrant();
    const pg::brief_locks scope;
    const auto store = catalog::store::open();
    if (pg::replicates() || !store ||
        pg::trigger_mode(store->manifests(), "on_manifests") != pg::fires_always)
      refuse(manifests, "The trigger that checks what others than superusers write does not fire.",
             "Use dynpgext.register().");
    return BoolGetDatum(true);
  });
}

// Before a row is written or goes, or all go.
DYNPGEXT_SQL_FUNCTION(dynpgext_only_superusers) {
  return pg::entry([=] {
    const TriggerData &data = pg::require_trigger(fcinfo);
    if (!pg::is_superuser()) refuse_others(RelationGetRelationName(data.tg_relation));
    return pg::going_on(data);
  });
}

// Before a row of manifests is changed or goes, or all go.
DYNPGEXT_SQL_FUNCTION(dynpgext_before_manifests) {
  return pg::entry([=] {
    const TriggerData &data = pg::require_trigger(fcinfo);
    const auto store = catalog::store::open();
    const bool is_ours = store && store->manifests() == RelationGetRelid(data.tg_relation);
    if (pg::is_superuser() || !is_ours) return pg::going_on(data);
    require_registrant();
    if (TRIGGER_FIRED_FOR_ROW(data.tg_event)) {
      require_owner(pg::row(data.tg_trigtuple, data.tg_relation).name(0));
    } else {
      for (const catalog::store::manifest_row &row : store->read_manifests())
        require_owner(row.extension);
    }
    return pg::going_on(data);
  });
}
