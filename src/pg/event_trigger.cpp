#include "pg/event_trigger.h"

#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

constexpr const char *changed = R"(
  SELECT objid FROM pg_catalog.pg_event_trigger_ddl_commands()
   WHERE classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass)";
constexpr const char *dropped = R"(
  SELECT object_name FROM pg_catalog.pg_event_trigger_dropped_objects()
   WHERE classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass)";

// The first column of each row; the server has no other interface.
std::vector<std::string> query(const char *sql) {
  struct list {
    char **values;
    uint64 count;
  };
  const pinned_identity pinned(GetUserId());
  const list found = call([=] {
    const MemoryContext outside = CurrentMemoryContext;
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    if (SPI_execute(sql, false, 0) != SPI_OK_SELECT)
      elog(ERROR, "could not read what the command has done");
    list column{
        static_cast<char **>(MemoryContextAllocHuge(outside, (SPI_processed + 1) * sizeof(char *))),
        SPI_processed};
    for (uint64 i = 0; i < column.count; ++i)
      column.values[i] = MemoryContextStrdup(
          outside, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
    SPI_finish();
    return column;
  });
  return {found.values, found.values + found.count};
}

}  // namespace

std::vector<Oid> changed_relations() {
  std::vector<Oid> relations;
  for (const std::string &oid : query(changed)) relations.push_back(atooid(oid.c_str()));
  return relations;
}

std::vector<std::string> dropped_extensions() { return query(dropped); }

}  // namespace dynpgext::pg
