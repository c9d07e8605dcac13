#include "sql/worker.h"

#include "pg/settings.h"
#include "provisioning/database.h"
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
    // At the first use after a start of the server: its library may register something else now.
    (void)provisioning::provision_extension(extension);
    const model::registrations all = store->read().wanted(s.root->boot);
    if (const model::worker *w = all.find_worker(extension, name))
      return {*store,
              *all.find_extension(extension),
              *w,
              {model::home_of(w->scope, MyDatabaseId), extension, name}};
  }
  throw pg::error(ERRCODE_UNDEFINED_OBJECT,
                  "extension \"" + extension + "\" has no background worker \"" + name +
                      "\" in this database",
                  {}, "SELECT extension, name FROM dynpgext.workers lists all workers.");
}

wanted_now find_wanted(const registered_worker &t) {
  wanted_now found{state::look_at(state::attach(), t.id), {}};
  const model::live_index live(found.seen.live);
  const auto wanted = model::wanted_workers(found.seen.desired, live);
  if (const auto *w = model::find_wanted(wanted, t.id.home, t.id.extension, t.id.name)) {
    found.worker = *w;
    found.provisioned = live.state_of(w->source, w->owner->name);
  }
  return found;
}

wanted_now require_committed(const registered_worker &t, const char *hint) {
  wanted_now now = find_wanted(t);
  const auto &w = now.worker;
  if (w && (w->source != MyDatabaseId || model::same_process(t.worker, *w->definition))) return now;
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, name_of(t.id) + " is not committed yet",
                  {}, hint);
}

void refuse_if_set_aside(const registered_worker &t, const model::wanted_worker &wanted) {
  const std::string who = name_of(t.id);
  if (wanted.quarantined)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, who + " is quarantined", {},
                    "Use dynpgext.release() to end the quarantine of the extension.");
  if (!wanted.terms.enabled)
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, who + " is disabled", {},
                    "Use dynpgext.configure_worker(..., enabled => true).");
}

}  // namespace dynpgext::sql
