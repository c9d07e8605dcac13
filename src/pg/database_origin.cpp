#include "pg/database_origin.h"

#include "pg/database_owners.h"
#include "pg/database_setting.h"
#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

constexpr const char *origin_name = "dynpgext_database.original";

bool has_setting() { return database_setting(origin_name, BOOTSTRAP_SUPERUSERID).has_value(); }

void keep(const char *value) {
  if (RecoveryInProgress() || has_setting() == (value != nullptr)) return;
  (void)lock_kept_for_database(MyDatabaseId, true);
  if (has_setting() != (value != nullptr)) keep_for_database(MyDatabaseId, origin_name, value);
}

}  // namespace

bool is_original_database() {
  if (has_setting()) return true;
  const std::vector<noted_owner> owners = database_owners();
  return std::all_of(owners.begin(), owners.end(),
                     [](const noted_owner &o) { return o.of_template || is_superuser(o.role); });
}

void note_original_database() { keep("on"); }

void forget_original_database() { keep(nullptr); }

}  // namespace dynpgext::pg
