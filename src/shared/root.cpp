#include "shared/root.h"

#include "pg/own_version.h"

namespace dynpgext::state {
namespace {

constexpr const char *tranche_name = "dynpgext";

constinit Oid worker_database = InvalidOid;
using first_use = void (*)(shared &);
constinit first_use begin_run = nullptr;

constinit shared *attached_to = nullptr;  // when it is complete

// Constructed on first use; never destroyed, because exit callbacks use it.
shared &mine() {
  alignas(shared) static char place[sizeof(shared)];
  static shared *const s = new (place) shared;
  return *s;
}

[[noreturn]] void refuse_layout(const root &r) {
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "dynpgext: shared memory has layout " + std::to_string(r.layout) +
                      ", this library needs " + std::to_string(layout_version),
                  "Another version of dynpgext has been in use since the server was started.",
                  "Restart the server.");
}

root *find_root() {
  bool found = false;
  auto *r = static_cast<root *>(pg::shared_struct("dynpgext", root_size, &found));
  // Two processes may get here at once; the loser's tranche number stays unused.
  if (r->layout == 0) {
    const int tranche = pg::new_lock_tranche(tranche_name);
    pg::call([r, tranche] {
      LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
      if (r->layout == 0) {
        r->tranche = tranche;
        if (!pg_strong_random(&r->boot, sizeof r->boot)) r->boot = GetCurrentTimestamp();
        LWLockInitialize(&r->lock, tranche);
        ConditionVariableInit(&r->changed);
        pg_atomic_init_u64(&r->generation, 1);
        r->made_by.assign(pg::own_version());
        r->publications = 1;
        r->worker_limit = r->owner_limit = -1;
        r->longest_delay = 60000;  // until the launcher copies the setting
        pg_memory_barrier();
        r->layout = layout_version;
      }
      LWLockRelease(AddinShmemInitLock);
    });
  }
  if (r->layout != layout_version) refuse_layout(*r);
  return r;
}

// Both may fail halfway for lack of memory, and continue from there when called again.
void make_area(shared &s) {
  if (s.root->area_made) return;
  if (s.area == nullptr) {
    s.area = pg::create_area(s.root->tranche);
    s.root->area = pg::call([&s] { return dsa_get_handle(s.area); });
    s.root->area_made = true;
  }
}

bool is_made(dshash_table_handle handle) { return handle != InvalidDsaPointer; }
bool is_made(const pg::list_handles &handles) { return is_made(handles.lists); }

template <template <class, class> class Table, class Key, class Entry, class Handle>
void open_table(const shared &s, Table<Key, Entry> &table, Handle *handle, uint16 *room) {
  if (table.is_open()) return;
  if (!is_made(*handle)) {
    static_assert(pg::room_for<Entry> <= PG_UINT16_MAX);
    *room = pg::room_for<Entry>;
    table.create(s.area, s.root->tranche, *room);
    *handle = table.handle();
  } else {
    if (sizeof(Entry) > *room) refuse_layout(*s.root);
    table.attach(s.area, s.root->tranche, *handle, *room);
  }
}

void open_tables(shared &s) {
  if (s.area == nullptr) s.area = pg::attach_area(s.root->area);
  entry_rooms &rooms = s.root->rooms;
  open_table(s, s.databases, &s.root->databases, &rooms.databases);
  open_table(s, s.extensions, &s.root->extensions, &rooms.extensions);
  open_table(s, s.allocations, &s.root->allocations, &rooms.allocations);
  open_table(s, s.workers, &s.root->workers, &rooms.workers);
  open_table(s, s.pauses, &s.root->pauses, &rooms.pauses);
  open_table(s, s.runners, &s.root->runners, &rooms.runners);
  open_table(s, s.processes, &s.root->processes, &rooms.processes);
  open_table(s, s.globals, &s.root->globals, &rooms.globals);
  open_table(s, s.local_names, &s.root->local_names, &rooms.local_names);
  open_table(s, s.owners, &s.root->owners, &rooms.owners);
  open_table(s, s.requests, &s.root->requests, &rooms.requests);
  open_table(s, s.versions, &s.root->versions, &rooms.versions);
#ifdef DYNPGEXT_TEST_GROWTH
  open_table(s, s.more, &s.root->more, &s.root->room_of_more);
  version_key key{};
  key.name.assign("test");
  ++s.more.insert(key)->processes;
#endif
  s.databases.count_changes(&s.root->databases_changed);
}

constinit bool is_counted = false;

version_key own_version_key() {
  version_key key;
  key.name.assign(pg::own_version());
  return key;
}

void uncount_process(int, Datum) {
  pg::begin_exit();
  (void)pg::swallow("leaving the shared memory", [] {
    if (attached_to == nullptr || !std::exchange(is_counted, false)) return;
    const shared &s = *attached_to;
    const exclusive lock(s);
    version_entry *entry = s.versions.find(own_version_key());
    if (entry != nullptr && --entry->processes == 0) s.versions.erase(own_version_key());
  });
}

// This process runs this version until it ends.
void count_process(const shared &s) {
  if (is_counted) return;
  ++s.versions.insert(own_version_key())->processes;
  is_counted = true;
}

// Everything attached here lives as long as the process.
class in_top_context {
 public:
  in_top_context() : saved_(MemoryContextSwitchTo(TopMemoryContext)) {}
  in_top_context(const in_top_context &) = delete;
  in_top_context &operator=(const in_top_context &) = delete;
  ~in_top_context() { MemoryContextSwitchTo(saved_); }

 private:
  MemoryContext saved_;
};

}  // namespace

bool available() {
  return (IsUnderPostmaster || !IsPostmasterEnvironment) && !IsBinaryUpgrade && MyProc != nullptr;
}

shared *attached() { return attached_to; }

shared &attach() {
  if (attached_to != nullptr) return *attached_to;
  if (!available())
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "dynpgext: no shared memory in this kind of process");
  const in_top_context context;
  shared &s = mine();
  bool is_new = false;
  s.root = find_root();
  pg::register_lock_tranche(s.root->tranche, tranche_name);
  {
    const exclusive lock(s);
    make_area(s);
    open_tables(s);
    count_process(s);
    is_new = !DsaPointerIsValid(s.root->events) || !DsaPointerIsValid(s.root->runs) ||
             !s.root->crashes_judged;
  }
  attached_to = &s;
  pg::call([] { before_shmem_exit(uncount_process, 0); });
  if (is_new && begin_run != nullptr) begin_run(s);
  return s;
}

Oid current_database() { return OidIsValid(MyDatabaseId) ? MyDatabaseId : worker_database; }

void set_first_use(void (*begin)(shared &)) { begin_run = begin; }

void set_worker_database(Oid database) { worker_database = database; }

void wake_launcher_locked(const shared &s) {
  if (s.root->launcher != 0 && s.root->launcher_latch != nullptr) SetLatch(s.root->launcher_latch);
}

void wake_launcher() {
  shared &s = attach();
  const exclusive lock(s);
  wake_launcher_locked(s);
}

}  // namespace dynpgext::state
