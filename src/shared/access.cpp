#include "shared/access.h"

#include "pg/process.h"

namespace dynpgext::state {
namespace {

constinit bool visits = false;
constinit const database_entry *visited = nullptr;  // valid while this process exists

void on_visit_exit(int, Datum) {
  pg::begin_exit();
  (void)pg::swallow("ending a visit", [] {
    shared *s = attached();
    if (s == nullptr) return;
    const exclusive lock(*s);
    for (database_entry *entry : s->databases.entries())
      if (entry->visitor == MyProcPid) entry->visitor = 0;
  });
}

}  // namespace

bool is_blocked(const shared &s, Oid database) {
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && (entry->locked || pg::process_exists(entry->blocked_by));
}

bool is_unreachable(const shared &s, Oid database) {
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->unreachable;
}

void set_visit() { visits = true; }
bool is_visit() { return visits; }

void set_visitor(shared &s, Oid database) {
  pg::call([] { before_shmem_exit(on_visit_exit, 0); });
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  entry->visitor = MyProcPid;
  entry->visitor_told = false;
  visited = entry;
}

bool is_visitor_told() noexcept {
  return visited != nullptr && static_cast<const volatile database_entry *>(visited)->visitor_told;
}

}  // namespace dynpgext::state
