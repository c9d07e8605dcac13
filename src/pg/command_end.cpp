#include "pg/command_end.h"

namespace dynpgext::pg {
namespace {

// Level of the (sub)transaction that has prepared; 0: nothing is prepared.
constinit int prepared_at = 0;

bool needs_preparation(const char *event) {
  return strcmp(event, "ddl_command_end") == 0 || strcmp(event, "sql_drop") == 0 ||
         strcmp(event, "table_rewrite") == 0;
}

// Has the server prepared the command for event triggers other than those of the extension whose
// script runs?
bool has_others() {
  bool found = false;
  const Relation triggers = table_open(EventTriggerRelationId, AccessShareLock);
  const SysScanDesc scan = systable_beginscan(triggers, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple) && !found;
       tuple = systable_getnext(scan)) {
    const auto *trigger = reinterpret_cast<Form_pg_event_trigger>(GETSTRUCT(tuple));
    found = trigger->evtenabled != TRIGGER_DISABLED &&
            needs_preparation(NameStr(trigger->evtevent)) &&
            getExtensionOfObject(EventTriggerRelationId, trigger->oid) != CurrentExtensionObject;
  }
  systable_endscan(scan);
  table_close(triggers, AccessShareLock);
  return found;
}

bool are_fired() { return versions::are_event_triggers_on() && IsUnderPostmaster; }

}  // namespace

void fire_at_command_end() {
  if (prepared_at != 0 || !are_fired()) return;
  call([] {
    if (!has_others() && EventTriggerBeginCompleteQuery())
      prepared_at = GetCurrentTransactionNestLevel();
  });
}

void leave_command() noexcept {
  if (std::exchange(prepared_at, 0) == 0) return;
  (void)swallow("leaving a command", [] { call([] { EventTriggerEndCompleteQuery(); }); });
}

void leave_aborted_command() noexcept {
  if (prepared_at >= GetCurrentTransactionNestLevel()) leave_command();
}

}  // namespace dynpgext::pg
