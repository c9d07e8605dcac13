// preload(): adds dynpgext to shared_preload_libraries or removes it, for the next restart.
#include "pg/preload_list.h"
#include "sql/function.h"

namespace {

using namespace dynpgext;

// "dynpgext", with or without a path and a suffix.
bool is_dynpgext(const std::string &library) {
  std::string base = library.substr(library.rfind('/') + 1);
  const std::string suffix = DLSUFFIX;
  if (base.size() > suffix.size() &&
      base.compare(base.size() - suffix.size(), suffix.size(), suffix) == 0)
    base.resize(base.size() - suffix.size());
  return base == "dynpgext";
}

std::string quoted(const std::string &library) {
  const char *text = library.c_str();
  return pg::call([=] { return quote_identifier(text); });
}

}  // namespace

DYNPGEXT_SQL_FUNCTION(dynpgext_preload) {
  return pg::entry([=] {
    if (!pg::call([] { return superuser(); }))
      throw pg::error(ERRCODE_INSUFFICIENT_PRIVILEGE,
                      "permission denied to change shared_preload_libraries", {},
                      "Only superusers can do this, as with ALTER SYSTEM.");
    const bool enable = DatumGetBool(fcinfo->args[0].value);
    std::vector<std::string> libraries = pg::next_libraries(pg::shared_preload_libraries);
    const bool listed = std::any_of(libraries.begin(), libraries.end(), is_dynpgext);
    if (enable && !listed) libraries.emplace_back("dynpgext");
    if (!enable) std::erase_if(libraries, is_dynpgext);
    if (enable != listed) {
      pg::set_next_libraries(pg::shared_preload_libraries, libraries);
      pg::log(NOTICE, "the change takes effect with the next restart of the server");
    }
    std::string setting;
    for (const std::string &library : libraries)
      setting += (setting.empty() ? "" : ", ") + quoted(library);
    return sql::text_result(setting);
  });
}
