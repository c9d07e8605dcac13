// Who may write dynpgext's own tables with SQL: their triggers and constraints.  A privilege to
// write them is not enough: members of pg_write_all_data have it without a grant.
//
// Registrations, and roles of commands, are for superusers: they decide which code runs as which
// role.  Even a superuser may have received another user's rows, in a dump or by a publication.  So
// tables that are never dumped accept no rows, and rows of identities and manifests count as
// described in extensions/restore.h.  Rows of manifests are for roles that may register.  They are
// checked like arguments of register(): by a trigger at the end of the statement, with the rights
// of the writer.  If that trigger does not fire, a constraint refuses the row.  So a row without a
// trigger was written by a superuser.
#include "catalog/store.h"
#include "extensions/restore.h"
#include "pg/brief_locks.h"
#include "pg/role.h"
#include "pg/trigger.h"
#include "shared/root.h"
#include "sql/function.h"

namespace {

using namespace dynpgext;

constexpr const char *manifests = "manifests";
constexpr const char *identities = "identities";
constexpr const char *hosted_libraries = "hosted_libraries";

[[noreturn]] void refuse(const std::string &table, const std::string &why,
                         const std::string &hint) {
  throw pg::error(ERRCODE_INSUFFICIENT_PRIVILEGE,
                  "permission denied to write table \"dynpgext." + table + "\"", why, hint);
}

[[noreturn]] void refuse_others(const std::string &table) {
  const char *hint = "Use dynpgext.register(), apply() or configure_worker().";
  if (table == identities) hint = "Use dynpgext.register() with \"run_as\".";
  if (table == hosted_libraries) hint = "Use dynpgext.host() and unhost().";
  if (table == "restore") hint = "Use dynpgext.begin_restore() and end_restore().";
  refuse(table, "Only superusers may write it.", hint);
}

// Even superusers: a dump, or a publication, with rows for it was made from another user's tables
// under these names.
[[noreturn]] void refuse_all(const std::string &table) {
  refuse(table, "Only dynpgext writes it.", "Use dynpgext.register().");
}

void require_registrant() {
  if (pg::may_register(pg::current_role())) return;
  refuse(manifests, "Only roles that may register can write it.",
         "GRANT EXECUTE ON FUNCTION dynpgext.register lets a role register for extensions that it "
         "owns.");
}

// For deleting a row of the extension, or replacing it.
void require_owner(const std::string &extension) {
  if (pg::owns_extension(extension)) return;
  refuse(manifests, "It has a row of extension \"" + extension + "\", which is another role's.",
         "Change rows of extensions that you own.");
}

}  // namespace

// The constraint of all tables except worker_settings, for a row that is written with SQL.
DYNPGEXT_SQL_FUNCTION(dynpgext_may_write) {
  return pg::entry([=] {
    const std::string table = sql::text_argument(fcinfo, 0);
    const bool is_dumped = table == manifests || table == identities || table == hosted_libraries;
    if (!is_dumped) refuse_all(table);
    const pg::brief_locks scope;
    const auto store = catalog::store::open();
    if (pg::is_superuser()) {
      if (state::available() && store && table != hosted_libraries)
        provisioning::look_at_source(*store);
      return BoolGetDatum(true);
    }
    if (table != manifests) refuse_others(table);
    require_registrant();
    if (pg::replicates() || !store ||
        pg::trigger_mode(store->manifests(), "on_manifests") != pg::fires_always)
      refuse(manifests,
             "The trigger that checks rows of other roles than superusers does not fire.",
             "Use dynpgext.register().");
    return BoolGetDatum(true);
  });
}

// Before a row is written or deleted, or all are.
DYNPGEXT_SQL_FUNCTION(dynpgext_only_superusers) {
  return pg::entry([=] {
    const TriggerData &data = pg::require_trigger(fcinfo);
    if (!pg::is_superuser()) refuse_others(RelationGetRelationName(data.tg_relation));
    // registrations elsewhere are not registrations here: a publication of all tables has them
    if (pg::replicates() && TRIGGER_FIRED_FOR_ROW(data.tg_event)) return Datum{0};
    return pg::going_on(data);
  });
}

// Before a row of manifests is changed or deleted, or all are.
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
