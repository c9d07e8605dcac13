#include "provisioning/own_triggers.h"

#include "pg/transaction.h"
#include "pg/trigger.h"

namespace dynpgext::provisioning {
namespace {

// The triggers of the install script that have to fire whatever session_replication_role is.
struct own_trigger {
  Oid table;
  const char *name;
  const char *mend;
};

}  // namespace

bool mend_triggers(const catalog::store &store) {
  static constinit bool is_mending = false;  // ALTER TABLE fires the event trigger again
  if (is_mending) return false;
  const Oid settings = store.settings();
  const Oid manifests = store.manifests();
  const Oid identities = store.identities();
  const own_trigger all[] = {
      {identities, "on_identities",
       "ALTER TABLE dynpgext.identities ENABLE ALWAYS TRIGGER on_identities"},
      {settings, "before_settings",
       "ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_settings"},
      {settings, "before_truncate",
       "ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_truncate"},
      {settings, "on_settings",
       "ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER on_settings"},
      {settings, "on_replicated",
       "ALTER TABLE dynpgext.worker_settings ENABLE REPLICA TRIGGER on_replicated"},
      {manifests, "on_manifests",
       "ALTER TABLE dynpgext.manifests ENABLE ALWAYS TRIGGER on_manifests"},
      {manifests, "on_replicated",
       "ALTER TABLE dynpgext.manifests ENABLE REPLICA TRIGGER on_replicated"}};
  bool mended = false;
  for (const own_trigger &t : all) {
    if (!OidIsValid(t.table) || pg::trigger_mode(t.table, t.name) != 'O') continue;
    is_mending = true;
    try {
      pg::run_statement(t.mend);
    } catch (...) {
      is_mending = false;
      throw;
    }
    is_mending = false;
    mended = true;
  }
  if (mended) pg::make_visible();
  return mended;
}

}  // namespace dynpgext::provisioning
