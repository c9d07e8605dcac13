#include "pg/trigger.h"

namespace dynpgext::pg {
namespace {

bool enables_trigger(const AlterTableCmd *command) {
  switch (command->subtype) {
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_EnableTrigAll:
    case AT_EnableTrigUser: return true;
    default: return false;
  }
}

}  // namespace

bool enables_triggers(const Node *statement) {
  if (statement == nullptr || nodeTag(statement) != T_AlterTableStmt) return false;
  const auto *alter = reinterpret_cast<const AlterTableStmt *>(statement);
  for (int i = 0; i < list_length(alter->cmds); ++i)
    if (enables_trigger(static_cast<const AlterTableCmd *>(list_nth(alter->cmds, i)))) return true;
  return false;
}

Oid table_of_enabled_triggers(const Node *statement) {
  if (!enables_triggers(statement)) return InvalidOid;
  const RangeVar *relation = reinterpret_cast<const AlterTableStmt *>(statement)->relation;
  return call([=] { return RangeVarGetRelid(relation, NoLock, true); });
}

char trigger_mode(Oid table, const char *trigger) {
  return call([=] {
    char mode = 0;
    const Relation relation = table_open(table, AccessShareLock);
    const TriggerDesc *all = relation->trigdesc;
    for (int i = 0; all != nullptr && i < all->numtriggers; ++i)
      if (std::strcmp(all->triggers[i].tgname, trigger) == 0) mode = all->triggers[i].tgenabled;
    table_close(relation, NoLock);
    return mode;
  });
}

void set_trigger_mode(Oid table, const char *trigger, char mode) {
  call([=] {
    const Relation relation = table_open(table, ShareRowExclusiveLock);
    versions::set_trigger_mode(relation, trigger, mode, ShareRowExclusiveLock);
    table_close(relation, NoLock);
  });
}

const TriggerData &require_trigger(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    throw error(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                "this function of dynpgext is for its triggers only");
  return *reinterpret_cast<const TriggerData *>(fcinfo->context);
}

Datum going_on(const TriggerData &data) {
  if (!TRIGGER_FIRED_FOR_ROW(data.tg_event)) return Datum{0};
  return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(data.tg_event) ? data.tg_newtuple
                                                                : data.tg_trigtuple);
}

bool replicates() { return IsLogicalWorker(); }

}  // namespace dynpgext::pg
