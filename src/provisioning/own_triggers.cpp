#include "provisioning/own_triggers.h"

#include "pg/transaction.h"
#include "pg/trigger.h"

namespace dynpgext::provisioning {
namespace {

constexpr char always = 'A';
constexpr char on_replica = 'R';
constexpr char ordinary = 'O';  // what ENABLE TRIGGER sets

// Of the install script.
struct own_trigger {
  Oid table;
  const char *name;
  char mode;
};

}  // namespace

bool mend_triggers(const catalog::store &store) {
  const Oid settings = store.settings();
  const Oid manifests = store.manifests();
  const own_trigger all[] = {{store.identities(), "on_identities", always},
                             {settings, "before_settings", always},
                             {settings, "before_write", always},
                             {settings, "before_truncate", always},
                             {settings, "on_settings", always},
                             {settings, "on_replicated", on_replica},
                             {manifests, "on_manifests", always},
                             {manifests, "on_replicated", on_replica}};
  bool mended = false;
  for (const own_trigger &t : all) {
    if (!OidIsValid(t.table) || pg::trigger_mode(t.table, t.name) != ordinary) continue;
    pg::set_trigger_mode(t.table, t.name, t.mode);
    mended = true;
  }
  if (mended) pg::make_visible();
  return mended;
}

}  // namespace dynpgext::provisioning
