#include "pg/database_origin.h"

#include "pg/database_owners.h"
#include "pg/database_setting.h"
#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

constexpr const char *origin_name = "dynpgext_database.original";

std::optional<std::string> kept() { return database_setting(origin_name, BOOTSTRAP_SUPERUSERID); }

void keep(const char *value) {
  if (RecoveryInProgress() || kept() == value) return;
  (void)lock_kept_for_database(MyDatabaseId, true);
  if (kept() != value) keep_for_database(MyDatabaseId, origin_name, value);
}

}  // namespace

bool is_original_database() {
  if (const auto value = kept()) return *value == "on";
  const std::vector<noted_owner> owners = database_owners();
  return std::all_of(owners.begin(), owners.end(),
                     [](const noted_owner &o) { return o.of_template || is_superuser(o.role); });
}

void note_original_database() { keep("on"); }

void note_copied_database() { keep("off"); }

void forget_original_database() { drop_kept_for_database(origin_name); }

}  // namespace dynpgext::pg
