#include "hosting/block.h"

#include "hosting/disk_files.h"
#include "pg/process.h"
#include "shared/charge.h"
#include "shared/text.h"

namespace dynpgext::hosting {
namespace {

size_t place_of(const PGPROC &process) {
  return static_cast<size_t>(&process - ProcGlobal->allProcs);
}

size_t block_size() {
  return offsetof(block, attached) + ProcGlobal->allProcCount * sizeof(uint64);
}

uint64 bit_of(const block &b, const instance &i) {
  return uint64{1} << static_cast<size_t>(&i - b.instances);
}

struct emptied_instance {
  uint64 number;  // 0: it is not
  pid_t keeper;
};

// Exclusive lock.  The caller removes its files.
emptied_instance empty(const state::shared &s, instance &i) {
  if (i.state != instance_state::leaving || i.attached > 0) return {};
  const emptied_instance emptied{i.number, i.keeper};
  state::clear(s, i.settings);
  state::give_back(s, state::memory_bill{i.size, InvalidOid});
  i.state = instance_state::none;
  i.number = 0;
  i.size = 0;
  return emptied;
}

// By this process at its exit.
constinit emptied_instance emptied_at_exit[most_instances] = {};

// Once the libraries' own callbacks have run, here and in the keeper, which reads files there.
void remove_files_at_exit(int, Datum) {
  constexpr int most_naps = 200;
  constexpr long nap = 10000;  // microseconds
  int naps = 0;
  for (const emptied_instance &e : emptied_at_exit) {
    if (e.number == 0) continue;
    while (e.keeper != MyProcPid && pg::process_exists(e.keeper) && naps++ < most_naps)
      pg_usleep(nap);
    remove_passing_files(e.number);
  }
}

// This process is no longer its keeper.  The next one gets its slot, not some worker.
void leave_keeper(const state::shared &s, block &b, instance &i) {
  if (i.state == instance_state::leaving) return;  // it stays known until its files are removed
  i.keeper = 0;
  if (i.state != instance_state::hosted || i.owner != 0 || i.makes_way || !i.keeper_was_up) return;
  i.keeper_slot = slot_state::wanted;
  b.slots_are_kept = true;
  state::wake_launcher_locked(s);
}

// Is there another one for the same sessions that has not left?
bool has_other(const block &b, const instance &mine) {
  return std::any_of(std::begin(b.instances), std::end(b.instances), [&mine](const instance &i) {
    return &i != &mine && i.state != instance_state::none && i.state != instance_state::leaving &&
           i.database == mine.database && i.library.view() == mine.library.view();
  });
}

void leave_instances(int, Datum) {
  pg::begin_exit();
  (void)pg::swallow("leaving hosted libraries", [] {
    state::shared *s = state::attached();
    block *b = s == nullptr ? nullptr : find_block(*s);
    if (b == nullptr) return;
    const state::exclusive lock(*s);
    uint64 &mine = b->attached[place_of(*MyProc)];
    for (instance &i : b->instances) {
      if ((mine & bit_of(*b, i)) == 0) continue;
      --i.attached;
      if (i.keeper == MyProcPid) leave_keeper(*s, *b, i);
      emptied_at_exit[&i - b->instances] = empty(*s, i);
    }
    mine = 0;
  });
}

}  // namespace

block *known_block(const state::shared &s) {
  const dsa_pointer place = s.root->hosting;
  return DsaPointerIsValid(place) ? pg::address<block>(s.area, place) : nullptr;
}

block *find_block(state::shared &s) {
  static constinit block *known = nullptr;
  if (known != nullptr) return known;
  // Mostly nothing is hosted, and SQL runners look before each command: without the lock, then.
  if (!DsaPointerIsValid(static_cast<const volatile dsa_pointer &>(s.root->hosting)))
    return nullptr;
  dsa_pointer place = InvalidDsaPointer;
  {
    const state::reading lock(s);
    place = s.root->hosting;
  }
  if (DsaPointerIsValid(place)) known = pg::address<block>(s.area, place);
  return known;
}

block &require_block(state::shared &s) {
  if (block *b = find_block(s)) return *b;
  pg::allocation room(s.area, block_size());
  if (!room) pg::refuse_memory(room.refusal());
  {
    const state::exclusive lock(s);
    if (!DsaPointerIsValid(s.root->hosting)) {
      auto *b = pg::address<block>(s.area, room.pointer());
      b->next_number = 1;
      for (instance &i : b->instances) {
        pg_atomic_init_u32(&i.dynamic_workers, 0);
        pg_atomic_init_u64(&i.used, 0);
      }
      s.root->hosting = room.keep();
    }
  }
  return *find_block(s);
}

instance *find_instance(block &b, uint64 number) {
  for (instance &i : b.instances)
    if (i.state != instance_state::none && i.number == number) return &i;
  return nullptr;
}

instance *find_instance(block &b, std::string_view library, Oid database) {
  for (instance &i : b.instances)
    if (i.state != instance_state::none && i.state != instance_state::leaving && i.owner == 0 &&
        i.library.view() == library && i.is_for(database))
      return &i;
  return nullptr;
}

std::vector<const instance *> in_order(const block &b) {
  std::vector<const instance *> all;
  for (const instance &i : b.instances)
    if (i.state != instance_state::none && i.state != instance_state::leaving) all.push_back(&i);
  std::sort(all.begin(), all.end(), [](const instance *x, const instance *y) {
    return std::pair(x->position, x->number) < std::pair(y->position, y->number);
  });
  return all;
}

bool attach(state::shared &s, uint64 number, bool with_leader) {
  static constinit bool is_watched = false;
  block &b = require_block(s);
  if (!is_watched) {
    pg::call([] {
      before_shmem_exit(leave_instances, 0);
      on_proc_exit(remove_files_at_exit, 0);
    });
    is_watched = true;
  }
  const state::exclusive lock(s);
  instance *i = find_instance(b, number);
  if (i == nullptr || (i->state == instance_state::leaving && !with_leader)) return false;
  b.attached[place_of(*MyProc)] |= bit_of(b, *i);
  ++i->attached;
  return true;
}

uint64 attached_by(const block &b, const PGPROC &process) { return b.attached[place_of(process)]; }

void leave(state::shared &s, uint64 number) {
  block *b = find_block(s);
  if (b == nullptr) return;
  dsm_handle memory = DSM_HANDLE_INVALID;
  pid_t keeper = 0;
  emptied_instance emptied{};
  Oid database = InvalidOid;
  library_name library{};
  bool is_replaced = false;
  {
    const state::exclusive lock(s);
    instance *i = find_instance(*b, number);
    if (i == nullptr || i->state == instance_state::leaving) return;
    if (i->size > 0) memory = i->memory;
    keeper = i->keeper;
    database = i->database;
    library = i->library;
    i->state = instance_state::leaving;
    is_replaced = has_other(*b, *i);
    emptied = empty(s, *i);
  }
  if (emptied.number != 0) remove_passing_files(emptied.number);
  // the database may be dropped, or hosts the library no longer
  if (OidIsValid(database) && !is_replaced) remove_lasting_files(database, library.view());
  if (keeper != 0) pg::terminate_process(keeper);
  if (memory != DSM_HANDLE_INVALID) pg::call([=] { dsm_unpin_segment(memory); });
}

void follow_again(state::shared &s) {
  {
    const state::exclusive lock(s);
    for (state::database_entry *entry : s.databases.entries())
      if (entry->present) entry->visited = false;
  }
  state::wake_launcher();
}

}  // namespace dynpgext::hosting
