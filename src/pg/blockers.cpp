#include "pg/blockers.h"

namespace dynpgext::pg {

std::vector<pid_t> blockers_of(pid_t pid) {
  struct found {
    const Datum *first;
    int count;
  };
  const auto [first, count] = call([pid] {
    ArrayType *pids = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pid)));
    Datum *elements = nullptr;
    int number = 0;
    deconstruct_array(pids, INT4OID, sizeof(int32), true, TYPALIGN_INT, &elements, nullptr,
                      &number);
    return found{elements, number};
  });
  std::vector<pid_t> pids;
  for (const Datum pid_of_one : std::span(first, static_cast<size_t>(count)))
    pids.push_back(DatumGetInt32(pid_of_one));
  return pids;
}

}  // namespace dynpgext::pg
