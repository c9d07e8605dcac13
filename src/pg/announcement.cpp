#include "pg/announcement.h"

#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// Not a catalog in the file of the server's relation cache, which every new connection reads: its
// invalidation removes that file, and the next connection has to make it again.
constexpr Oid catalog_of(announcement what) {
  return what == announcement::registrations ? SharedDescriptionRelationId
                                             : DbRoleSettingRelationId;
}

constinit bool heard_registrations = false;
constinit bool heard_presence = false;
constinit bool databases_changed = false;

// InvalidOid: everything has been invalidated.
void on_invalidation(Datum, Oid relation) {
  if (relation == catalog_of(announcement::registrations) || !OidIsValid(relation))
    heard_registrations = true;
  if (relation == catalog_of(announcement::presence) || !OidIsValid(relation))
    heard_presence = true;
}

void on_row(Datum, int, uint32) { databases_changed = true; }

}  // namespace

void announce(announcement what) {
  const Oid catalog = catalog_of(what);
  call([=] { CacheInvalidateRelcacheByRelid(catalog); });
}

void listen_to_announcements() {
  call([] {
    CacheRegisterRelcacheCallback(on_invalidation, Datum{0});
    CacheRegisterSyscacheCallback(DATABASEOID, on_row, Datum{0});
    CacheRegisterSyscacheCallback(AUTHOID, on_row, Datum{0});
  });
}

void hear() {
  begin_transaction();
  commit_transaction();
}

bool heard_of_databases() { return std::exchange(databases_changed, false); }

bool heard(announcement what) {
  return std::exchange(what == announcement::registrations ? heard_registrations : heard_presence,
                       false);
}

}  // namespace dynpgext::pg
