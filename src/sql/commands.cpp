// Functions for DBAs: reload, load, unload, version.
#include "extensions/extension.h"
#include "pg/own_version.h"
#include "pg/transaction.h"
#include "provisioning/reload.h"
#include "sql/function.h"

namespace {

using namespace dynpgext;

void require_registered(const catalog::store &store, const std::string &extension) {
  if (store.read().find_extension(extension) == nullptr)
    (void)provisioning::installed_version(extension);
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_version) {
  return pg::entry([] { return sql::text_result(pg::own_version()); });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_reload) {
  return pg::entry([=] {
    const catalog::store store = sql::open_store();
    provisioning::reload_options options;
    if (!fcinfo->args[0].isnull) {
      options.extension = sql::name_argument(fcinfo, 0);
      require_registered(store, options.extension);
    }
    if (fcinfo->args[1].isnull)
      throw pg::error(ERRCODE_NULL_VALUE_NOT_ALLOWED,
                      "dynpgext.reload(): dry_run must not be null");
    options.dry_run = DatumGetBool(fcinfo->args[1].value);
    sql::result_set rows(fcinfo);
    for (const model::action &a : provisioning::reload(store, options)) {
      rows.text(model::name_of(a.object)).text(a.name).name(a.extension);
      rows.text(model::name_of(a.kind)).text(a.detail).end_row();
    }
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_load) {
  return pg::entry([=] {
    if (fcinfo->args[0].isnull)
      throw pg::error(ERRCODE_NULL_VALUE_NOT_ALLOWED,
                      "dynpgext.load(): extension must not be null");
    pg::require_writable("dynpgext.load()");
    std::optional<std::string> version;
    if (!fcinfo->args[1].isnull) version = sql::text_argument(fcinfo, 1);
    return sql::text_result(
        provisioning::load(sql::open_store(), sql::name_argument(fcinfo, 0), version));
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_unload) {
  return pg::entry([=] {
    pg::require_writable("dynpgext.unload()");
    return BoolGetDatum(provisioning::unload(sql::open_store(), sql::name_argument(fcinfo, 0)));
  });
}
