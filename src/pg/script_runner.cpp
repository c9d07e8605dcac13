#include "pg/script_runner.h"

namespace dynpgext::pg {
namespace {

constinit Oid runner = InvalidOid;

}  // namespace

void note_script_runner() { runner = GetUserId(); }

Oid script_runner() { return OidIsValid(runner) ? runner : GetOuterUserId(); }

}  // namespace dynpgext::pg
