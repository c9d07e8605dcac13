#include "pg/event_trigger.h"

#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

constexpr const char *changed = R"(
  SELECT objid FROM pg_catalog.pg_event_trigger_ddl_commands()
   WHERE classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass)";
constexpr const char *dropped = R"(
  SELECT objid FROM pg_catalog.pg_event_trigger_dropped_objects()
   WHERE classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass)";

// The first column of each row; the server has no other way to ask.
std::vector<Oid> query(const char *sql) {
  struct list {
    Oid *ids;
    uint64 count;
  };
  const pinned_identity pinned(GetUserId());
  const list found = call([=] {
    const MemoryContext outside = CurrentMemoryContext;
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    if (SPI_execute(sql, false, 0) != SPI_OK_SELECT)
      elog(ERROR, "could not read what the command has done");
    list ids{static_cast<Oid *>(MemoryContextAllocHuge(outside, (SPI_processed + 1) * sizeof(Oid))),
             SPI_processed};
    for (uint64 i = 0; i < ids.count; ++i) {
      bool is_null = false;
      ids.ids[i] = DatumGetObjectId(
          SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null));
    }
    SPI_finish();
    return ids;
  });
  return {found.ids, found.ids + found.count};
}

}  // namespace

std::vector<Oid> changed_relations() { return query(changed); }

bool has_dropped_extension() { return !query(dropped).empty(); }

}  // namespace dynpgext::pg
