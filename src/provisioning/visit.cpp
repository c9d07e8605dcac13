// A process that the launcher sends to one database, to provision what is registered there:
// dynpgext_database_main().
#include "catalog/store.h"
#include "pg/termination.h"
#include "pg/transaction.h"
#include "pg/worker.h"
#include "provisioning/database.h"
#include "state/databases.h"
#include "state/launch.h"

namespace {

using namespace dynpgext;

// A prepared transaction of this database that is still open may change registrations when
// it ends; InvalidTransactionId if there is none.
TransactionId oldest_prepared() {
  return pg::call([] {
    TransactionId found = InvalidTransactionId;
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    if (SPI_execute("SELECT transaction FROM pg_catalog.pg_prepared_xacts"
                    " WHERE database OPERATOR(pg_catalog.=) pg_catalog.current_database()"
                    " ORDER BY prepared LIMIT 1",
                    true, 1) != SPI_OK_SELECT)
      elog(ERROR, "could not read pg_prepared_xacts");
    if (SPI_processed == 1) {
      bool is_null = false;
      const Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
      if (!is_null) found = DatumGetTransactionId(value);
    }
    SPI_finish();
    return found;
  });
}

void visit(Oid database) {
  pg::install_session_termination();
  pg::call([=] {
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  });
  state::shared &s = state::attach();
  pg::begin_transaction();
  const TransactionId prepared = max_prepared_xacts > 0 ? oldest_prepared() : InvalidTransactionId;
  if (const auto store = catalog::store::open()) {
    provisioning::provision_database(*store);
  } else {
    provisioning::forget_current_database();
  }
  {
    const state::exclusive lock(s);
    if (state::database_entry *entry = s.databases.find({database})) entry->prepared = prepared;
  }
  pg::commit_transaction();
  state::set_provisioned(s, database);
  state::wake_launcher();
}

}  // namespace

extern "C" {
PGDLLEXPORT void dynpgext_database_main(Datum);
}

void dynpgext_database_main(Datum argument) {
  pg::entry([=] { visit(DatumGetObjectId(argument)); });
}
