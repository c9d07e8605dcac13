#include "pg/trigger.h"

namespace dynpgext::pg {

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

void run_statement(const char *sql) {
  call([=] {
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY) elog(ERROR, "could not execute: %s", sql);
    SPI_finish();
  });
}

bool replicates() { return IsLogicalWorker(); }

}  // namespace dynpgext::pg
