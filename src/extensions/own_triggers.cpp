#include "extensions/own_triggers.h"

#include "pg/transaction.h"
#include "pg/trigger.h"

namespace dynpgext::provisioning {
namespace {

constexpr char always = pg::fires_always;
constexpr char on_replica = 'R';
constexpr char ordinary = 'O';  // what ENABLE TRIGGER sets

// Of the install script.
struct own_trigger {
  const char *table;
  const char *name;
  char mode = always;
};

constexpr own_trigger of_others[] = {
    {"identities", "on_identities"},     {"worker_settings", "before_settings"},
    {"worker_settings", "before_write"}, {"worker_settings", "before_truncate"},
    {"worker_settings", "on_settings"},  {"worker_settings", "on_replicated", on_replica},
    {"manifests", "before_manifests"},   {"manifests", "before_truncate"},
    {"manifests", "on_manifests"},       {"manifests", "on_replicated", on_replica}};
constexpr const char *for_superusers[] = {
    "registered_extension", "registered_allocation", "registered_worker", "registered_command",
    "registered_content",   "registered_manifest",   "restore",           "identities",
    "hosted_libraries"};

bool mend(const catalog::store &store, const own_trigger &t) {
  const Oid table = pg::member_table(store.dynpgext(), "dynpgext", t.table);
  if (!OidIsValid(table) || pg::trigger_mode(table, t.name) != ordinary) return false;
  pg::set_trigger_mode(table, t.name, t.mode);
  return true;
}

}  // namespace

bool mend_triggers(const catalog::store &store) {
  bool mended = false;
  for (const own_trigger &t : of_others) mended |= mend(store, t);
  for (const char *table : for_superusers)
    for (const char *name : {"before_write", "before_truncate"})
      mended |= mend(store, {table, name});
  if (mended) pg::make_visible();
  return mended;
}

}  // namespace dynpgext::provisioning
