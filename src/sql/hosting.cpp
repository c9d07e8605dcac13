// Hosting: can_host, host, unhost, rehost, attach_hosted; the function behind the view.
#include "hosting/host.h"
#include "hosting/library_file.h"
#include "hosting/report.h"
#include "model/json.h"
#include "pg/encoding.h"
#include "pg/settings.h"
#include "sql/function.h"
#include "workers/launch.h"
#include "workers/use.h"

namespace {

using namespace dynpgext;

[[noreturn]] void refuse_settings() {
  throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                  "settings must be an object of texts, by names of settings", {},
                  "Such as {\"cron.database_name\": \"app\"}.");
}

// A JSON object of texts.
std::string settings_argument(Datum value) {
  std::string text = pg::json_text(value);
  const model::json::parsed parsed = model::json::parse(text, {});
  const auto *members = std::get_if<model::json::object>(&parsed.document.of);
  if (!parsed.faults.empty() || members == nullptr) refuse_settings();
  for (const auto &[name, setting] : *members)
    if (std::get_if<std::string>(&setting.of) == nullptr || name.find('.') == std::string::npos)
      refuse_settings();
  return members->empty() ? std::string() : text;
}

bool is_global_argument(FunctionCallInfo fcinfo, int n) {
  const std::string scope = sql::text_argument(fcinfo, n);
  if (scope == "global") return true;
  if (scope == "database") return false;
  throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE, "\"" + scope + "\" is not a scope", {},
                  "Scopes are \"global\" and \"database\".");
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_can_host) {
  return pg::entry([=] {
    const hosting::library_file file = hosting::read_library(sql::text_argument(fcinfo, 0));
    sql::result_set rows(fcinfo);
    for (const model::host_finding &f : hosting::findings_of(file))
      rows.text(f.need).text(f.detail).text(model::name_of(f.verdict)).end_row();
    return Datum{0};
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_host) {
  return pg::entry([=] {
    for (const int n : {0, 1, 3})
      if (fcinfo->args[n].isnull)
        throw pg::error(ERRCODE_NULL_VALUE_NOT_ALLOWED,
                        "dynpgext.host(): only settings may be null");
    catalog::hosted_row row;
    row.library = hosting::plain_name(sql::text_argument(fcinfo, 0));
    row.is_global = is_global_argument(fcinfo, 1);
    if (!fcinfo->args[2].isnull) row.settings = settings_argument(fcinfo->args[2].value);
    row.sessions = DatumGetBool(fcinfo->args[3].value);
    const catalog::store store = sql::open_store();
    return sql::text_result(hosting::host(store, row));
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_unhost) {
  return pg::entry([=] {
    const std::string library = hosting::plain_name(sql::text_argument(fcinfo, 0));
    const catalog::store store = sql::open_store();
    return BoolGetDatum(hosting::unhost(store, library));
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_rehost) {
  return pg::entry([=] {
    const std::string library = hosting::plain_name(sql::text_argument(fcinfo, 0));
    const catalog::store store = sql::open_store();
    return sql::text_result(hosting::rehost(store, library));
  });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_attach_hosted) {
  return pg::entry([] { return Int32GetDatum(hosting::attach_hosted()); });
}

DYNPGEXT_SQL_FUNCTION(dynpgext_live_hosted) {
  return pg::entry([=] {
    sql::result_set rows(fcinfo);
    if (!state::available()) return Datum{0};
    pg::settings::define();
    for (const hosting::instance_report &i : hosting::report(state::use())) {
      rows.name(i.library).oid(i.database).oid(i.source).integer(i.position).text(i.state);
      rows.text_or_null(i.error);
      rows.bigint(static_cast<int64>(i.requested)).bigint(static_cast<int64>(i.used));
      rows.integer(i.workers).text_or_null(i.settings).integer(i.sessions).boolean(i.stale);
      rows.time(i.hosted_at).end_row();
    }
    return Datum{0};
  });
}
