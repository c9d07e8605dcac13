#include "pg/catalog_changes.h"

#include "pg/border.h"

namespace dynpgext::pg {
namespace {

constinit uint64 heard = 0;
constinit bool is_listening = false;

// One set for all callers: a process has room for 64 such callbacks of all its libraries, and the
// server needs about 30.
constexpr SysCacheIdentifier caches[] = {
    PROCOID,   OPEROID,        TYPEOID,     RELOID,           ATTNUM,
    COLLOID,   CONVOID,        CLAOID,      OPFAMILYOID,      TSPARSEROID,
    TSDICTOID, TSTEMPLATEOID,  TSCONFIGOID, STATEXTOID,       NAMESPACEOID,
    AUTHOID,   AUTHMEMROLEMEM, DATABASEOID, FOREIGNSERVEROID, USERMAPPINGOID};

}  // namespace

uint64 catalog_changes() {
  if (!std::exchange(is_listening, true))
    call([] {
      for (const SysCacheIdentifier cache : caches)
        CacheRegisterSyscacheCallback(
            cache, [](Datum, auto, uint32) { ++heard; }, Datum{0});
    });
  return heard;
}

}  // namespace dynpgext::pg
