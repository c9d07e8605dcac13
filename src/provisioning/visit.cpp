// A process that the launcher sends to one database, to provision its registrations:
// dynpgext_database_main().
#include "catalog/store.h"
#include "extensions/failure.h"
#include "extensions/restore.h"
#include "pg/database_mark.h"
#include "pg/database_owners.h"
#include "pg/deadline.h"
#include "pg/fault.h"
#include "pg/ownership.h"
#include "pg/relation.h"
#include "pg/serving.h"
#include "pg/termination.h"
#include "pg/transaction.h"
#include "pg/worker.h"
#include "provisioning/database.h"
#include "shared/access.h"
#include "shared/comparisons.h"
#include "shared/databases.h"
#include "shared/last_words.h"
#include "shared/restores.h"
#include "workers/database_end.h"
#include "workers/launch.h"
#include "workers/launcher_start.h"

namespace {

using namespace dynpgext;

// Prepared transactions of this database may change registrations when they end.
void watch_prepared_transactions(state::shared &s) {
  struct list {
    TransactionId *ids;
    uint64 count;
  };
  const list found = pg::call([] {
    list open{nullptr, 0};
    const MemoryContext caller = CurrentMemoryContext;
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    if (SPI_execute("SELECT transaction FROM pg_catalog.pg_prepared_xacts"
                    " WHERE database OPERATOR(pg_catalog.=) pg_catalog.current_database()"
                    " ORDER BY prepared",
                    true, 0) != SPI_OK_SELECT)
      elog(ERROR, "could not read pg_prepared_xacts");
    open.ids = static_cast<TransactionId *>(
        MemoryContextAlloc(caller, sizeof(TransactionId) * (SPI_processed + 1)));
    for (uint64 i = 0; i < SPI_processed; ++i) {
      bool is_null = false;
      const Datum value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);
      open.ids[open.count++] = DatumGetTransactionId(value);
    }
    SPI_finish();
    return open;
  });
  for (uint64 i = 0; i < found.count; ++i) state::watch_prepared(s, MyDatabaseId, found.ids[i]);
}

// An extension's code has ended the process, with FATAL or by itself: the next visit must avoid
// this.
void on_exit(int, Datum) {
  pg::begin_exit();
  (void)pg::swallow("ending a visit", [] { provisioning::note_end_in_code(); });
  if (state::shared *s = state::attached()) state::look_for_launcher(*s);
}

// In its own transaction, before a table of dynpgext is opened: the owner may have locked those,
// and must be recorded nevertheless.
void note_database(state::shared &s) {
  pg::begin_transaction();
  state::meet_database(s);
  if (OidIsValid(pg::extension_oid("dynpgext")) && !RecoveryInProgress()) {
    (void)pg::tolerate("marking the database", [] { (void)pg::require_database_mark(false); });
    (void)pg::tolerate("recording the owner of the database", [] { pg::note_database_owner(); });
  }
  pg::commit_transaction();
}

// In its own transaction: its workers start with the commit.
void end_restore() {
  pg::begin_transaction();
  if (const auto store = catalog::store::open()) provisioning::end_restore_if_over(*store);
  pg::commit_transaction();
}

// In its own transaction: others wait for it, and nobody for the rest of the visit.
void let_go_of_roles() {
  pg::begin_transaction();
  if (const auto store = catalog::store::open(); store && !RecoveryInProgress())
    (void)pg::tolerate("releasing roles", [&] { store->let_go_of_roles(false); });
  pg::commit_transaction();
}

void visit(Oid database) {
  pg::install_session_termination();
  pg::install_last_resort();
  state::keep_last_words();
  pg::belong_to_database_owner();
  pg::call([=] {
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  });
  pg::install_deadline_end();
  state::shared &s = state::attach();
  state::set_visit();
  state::set_visitor(s, database);
  pg::end_well_when_told(state::is_visitor_told);
  pg::call([] { before_shmem_exit(on_exit, 0); });
  DYNPGEXT_FAULT_POINT("visit.connected");
  note_database(s);
  if (state::is_restore_over(s, database)) end_restore();
  let_go_of_roles();
  const state::comparison comparison = state::next_comparison(s, database);
  pg::begin_transaction();
  if (max_prepared_xacts > 0) watch_prepared_transactions(s);
  const auto store = catalog::store::open();
  if (store) {
    provisioning::provision_database(*store, comparison);
    state::note_database_identity(s, database, state::current_database_identity());
  } else {
    provisioning::forget_current_database();
  }
  DYNPGEXT_FAULT_POINT("visit.provisioned");
  pg::commit_transaction();
  DYNPGEXT_FAULT_POINT("visit.committed");
  if (store) state::set_compared(s, database, comparison.number);
  state::set_provisioned(s, database);
  state::wake_launcher();
}

}  // namespace

DYNPGEXT_PROCESS_FUNCTION(dynpgext_database_main) {
  pg::entry([=] { visit(DatumGetObjectId(argument)); });
}
