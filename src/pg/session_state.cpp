#include "pg/session_state.h"

#include "pg/relation.h"
#include "pg/transaction.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <set>

namespace dynpgext::pg {
namespace {

// Who the command runs as is not for settings to say.
bool is_identity(const char *name) {
  return pg_strcasecmp(name, "role") == 0 || pg_strcasecmp(name, "session_authorization") == 0;
}

void apply_list(Datum list) {
  Datum *items = nullptr;
  int count = 0;
  call([&] {
    deconstruct_array(DatumGetArrayTypeP(list), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr,
                      &count);
  });
  for (int i = 0; i < count; ++i) {
    const Datum item = items[i];
    char *name = call([=] { return TextDatumGetCString(item); });
    char *value = std::strchr(name, '=');
    if (value == nullptr) continue;
    *value++ = '\0';
    if (is_identity(name)) continue;
    // one that the role may not set raises an error, which at a login it does not
    (void)attempt([=] {
      call([=] {
        (void)set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
                                DEBUG1, false);
      });
    });
  }
}

// So that what one command has made of random() says nothing of the next one's.
void forget_seed() {
  (void)DirectFunctionCall1(setseed, Float8GetDatum(pg_prng_double(&pg_global_prng_state)));
}

// What was open when the process began.  Never destroyed.
std::set<int> &own_sockets() {
  static auto *const all = new std::set<int>;
  return *all;
}

// A folder that Linux and the BSDs have; none elsewhere.
std::set<int> open_sockets() {
  std::set<int> found;
  DIR *folder = opendir("/dev/fd");
  if (folder == nullptr) return found;
  while (const dirent *entry = readdir(folder)) {
    char *end = nullptr;
    const long fd = std::strtol(entry->d_name, &end, 10);
    struct stat facts {};
    if (end != entry->d_name && *end == '\0' && fstat(static_cast<int>(fd), &facts) == 0 &&
        S_ISSOCK(facts.st_mode))
      found.insert(static_cast<int>(fd));
  }
  (void)closedir(folder);
  return found;
}

void drop_temporary_slots() {
  if (max_replication_slots == 0) return;
  if (MyReplicationSlot != nullptr) ReplicationSlotRelease();
#if PG_VERSION_NUM >= 170000
  ReplicationSlotCleanup(false);
#else
  ReplicationSlotCleanup();
#endif
}

}  // namespace

void note_own_sockets() { own_sockets() = open_sockets(); }

void cut_connections() {
  for (const int socket : open_sockets())
    if (own_sockets().count(socket) == 0) (void)shutdown(socket, SHUT_RDWR);
}

void apply_role_settings(Oid role) {
  const relation settings(DbRoleSettingRelationId, AccessShareLock);
  const std::vector<row> rows = settings.rows();
  for (const Oid database : {InvalidOid, MyDatabaseId})  // the more special one later
    for (const row &row : rows) {
      if (row.oid(Anum_pg_db_role_setting_setrole - 1) != role ||
          row.oid(Anum_pg_db_role_setting_setdatabase - 1) != database ||
          row.is_null(Anum_pg_db_role_setting_setconfig - 1))
        continue;
      apply_list(row.datum(Anum_pg_db_role_setting_setconfig - 1));
    }
}

void leave_nothing_behind(Oid role) {
  call([role] {
    Oid user = InvalidOid;
    int context = 0;
    GetUserIdAndSecContext(&user, &context);
    StartTransactionCommand();
    SetUserIdAndSecContext(role, SECURITY_LOCAL_USERID_CHANGE);
    PushActiveSnapshot(GetTransactionSnapshot());
    PortalHashTableDeleteAll();
    ResetAllOptions();
    DropAllPreparedStatements();
    LockReleaseAll(USER_LOCKMETHOD, true);
    drop_temporary_slots();
    ResetTempTableNamespace();
    ResetSequenceCaches();
    PopActiveSnapshot();
    CommitTransactionCommand();
    SetUserIdAndSecContext(user, context);
    forget_seed();
  });
}

}  // namespace dynpgext::pg
