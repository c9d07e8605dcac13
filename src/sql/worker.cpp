#include "sql/worker.h"

#include "pg/settings.h"
#include "workers/launch.h"
#include "workers/use.h"

namespace dynpgext::sql {

registered_worker find_worker(FunctionCallInfo fcinfo) {
  const std::string extension = name_argument(fcinfo, 0);
  const std::string name = text_argument(fcinfo, 1);
  if (name.size() >= BGW_MAXLEN)
    throw pg::error(ERRCODE_NAME_TOO_LONG,
                    "the name of a background worker of extension \"" + extension +
                        "\" has at most " + std::to_string(BGW_MAXLEN - 1) + " bytes",
                    "The given one has " + std::to_string(name.size()) + ".");
  pg::settings::define();
  auto store = catalog::store::open();
  state::shared &s = state::use();
  if (store) {
    const model::registrations all = store->read().wanted(s.root->boot);
    const model::worker *w = all.find_worker(extension, name);
    if (w != nullptr)
      return {*store,
              *all.find_extension(extension),
              *w,
              {model::home_of(w->scope, MyDatabaseId), extension, name}};
  }
  throw pg::error(ERRCODE_UNDEFINED_OBJECT,
                  "extension \"" + extension + "\" has no background worker \"" + name +
                      "\" in this database",
                  {}, "SELECT extension, name FROM dynpgext.workers shows those there are.");
}

}  // namespace dynpgext::sql
