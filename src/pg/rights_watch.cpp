#include "pg/rights_watch.h"

#include "pg/catalog_changes.h"
#include "pg/left_objects.h"
#include "pg/relation.h"
#include "pg/search_path.h"
#include "pg/strangers.h"
#include "pg/transaction.h"
#include "pg/utility.h"

extern "C" {
#include "catalog/objectaccess.h"
#include "executor/executor.h"
}

namespace dynpgext::pg {
namespace {

constinit const checked_rights *watched = nullptr;
constinit heard_changes seen{};
constinit bool is_looking = false;  // the check does not check its own calls

constinit ExecutorStart_hook_type previous_start = nullptr;
constinit object_access_hook_type previous_access = nullptr;
constinit needs_fmgr_hook_type previous_needs = nullptr;

// The path has been set, and names are resolved with it.
void check_search_path(const checked_rights &rights) {
  // dropped by the command itself: a drop of another session ends the command first
  if (!OidIsValid(extension_oid(rights.extension.c_str()))) return;
  if (search_path_for(rights.extension, rights.role.role) == rights.search_path) return;
  // a path with additional schemas applies to the next run
  if (rights.search_path == search_path_of_strangers()) return;
  const stranger found = stranger_in_schema(rights.extension, rights.role.role);
  const left_object left = left_in_schema(rights.extension, rights.role.role);
  const std::string why = found  ? found.text() + ", where"
                          : left ? left.text() + ", where"
                                 : std::string("its schema has changed, where");
  throw error(ERRCODE_INSUFFICIENT_PRIVILEGE, why + " the running command of extension \"" +
                                                  rights.extension + "\" searches for names");
}

class looking {
 public:
  looking() { is_looking = true; }
  looking(const looking &) = delete;
  looking &operator=(const looking &) = delete;
  ~looking() { is_looking = false; }
};

// A failed check is not cached: a command that catches the error gets it again.
void look() {
  const looking scope;
  const scratch_memory memory;
  const heard_changes now = heard_so_far();
  check_rights(watched->role, watched->extension);
  check_search_path(*watched);
  seen = now;
}

void look_again() {
  if (watched == nullptr || is_looking) return;
  // changes by the command itself, or in other databases, do not count
  const heard_changes now = heard_so_far();
  if (now.messages == seen.messages || now.changes == seen.changes) return;
  if (!IsTransactionState() || CritSectionCount > 0) return;
  entry([] { look(); });
}

// A statement on tables that this transaction has already locked receives no messages by itself.
void look_at_statement() {
  if (watched == nullptr || is_looking || !IsTransactionState() || CritSectionCount > 0) return;
  entry([] { call(AcceptInvalidationMessages); });
  look_again();
}

// The tables of the statement are locked by now, except partitions that rows are routed to.
void on_start(QueryDesc *query, int flags) {
  look_at_statement();
  previous_start != nullptr ? previous_start(query, flags) : standard_ExecutorStart(query, flags);
}

// For functions in an expression, including built-in ones: an SQL function may have been inlined.
void on_access(ObjectAccessType access, Oid classid, Oid object, int part, void *more) {
  if (access == OAT_FUNCTION_EXECUTE) look_again();
  if (previous_access != nullptr) previous_access(access, classid, object, part, more);
}

// For any function that is not built in, before its first call: triggers, index support.
bool on_lookup(Oid function) {
  look_again();
  return previous_needs != nullptr && previous_needs(function);
}

}  // namespace

heard_changes heard_so_far() { return {SharedInvalidMessageCounter, catalog_changes()}; }

void prepare_rights_watch() {
  previous_start = std::exchange(ExecutorStart_hook, on_start);
  previous_access = std::exchange(object_access_hook, on_access);
  previous_needs = std::exchange(needs_fmgr_hook, on_lookup);
  watch_utility([](const utility_statement &) { look_at_statement(); });
}

rights_watch::rights_watch(const checked_rights &rights) {
  watched = &rights;
  seen = rights.heard;
}

rights_watch::~rights_watch() { watched = nullptr; }

}  // namespace dynpgext::pg
