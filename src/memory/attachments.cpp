#include "memory/attachments.h"

#include <memory>
#include <unordered_map>

#include "memory/claims.h"
#include "pg/wait_event.h"
#include "shared/databases.h"
#include "shared/events.h"
#include "shared/publication.h"

namespace dynpgext::state {

struct attachment {
  std::string name;
  dsa_pointer pointer = InvalidDsaPointer;
  instance *target = nullptr;
  void *memory = nullptr;
};

namespace {

struct name_hash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const noexcept {
    return std::hash<std::string_view>{}(name);
  }
};

// Names are mostly string literals: the address of a literal nearly always identifies the name, and
// a comparison verifies it.  This avoids hashing.
struct hint {
  const char *key;
  const attachment *found;
};
constexpr size_t hint_count = 512;

// Names in reused buffers are at the addresses of others.  They are found by a cheap digest of
// their content, also verified by a comparison.
constexpr size_t digest_count = 1024;
size_t digest(const char *name, size_t length) noexcept {
  uint64 first = 0;
  uint64 last = 0;
  if (length >= sizeof first) {
    std::memcpy(&first, name, sizeof first);
    std::memcpy(&last, name + length - sizeof last, sizeof last);
  } else {
    std::memcpy(&first, name, length);
  }
  constexpr uint64 golden = 0x9E3779B97F4A7C15U;
  return (((first * golden) ^ last ^ length) * golden) >> 54;  // 10 bits
}
static_assert(digest_count == 1 << 10);

struct local_state {
  std::array<hint, hint_count> hints{};
  std::array<const attachment *, digest_count> digests{};
  // present meaning of a name; points into `all`
  std::unordered_map<std::string, const attachment *, name_hash, std::equal_to<>> current;
  // everything attached by this process, including older instances of a name
  std::vector<attachment *> all;
  const pg_atomic_uint64 *generation = nullptr;
  uint64 seen_generation = 0;  // 0: the fast path is off
  bool bypass = false;
  bool exit_watched = false;
};

constinit local_state *local = nullptr;

local_state &mine() {
  if (local == nullptr) local = new local_state;
  return *local;
}

void forget_hints(local_state &l) noexcept {
  l.hints.fill({});
  l.digests.fill(nullptr);
}

hint &hint_for(const char *name) noexcept {
  const auto bits = reinterpret_cast<uintptr_t>(name);
  return local->hints[((bits >> 3) ^ (bits >> 12)) % hint_count];
}

instance_state state_of(const instance *i) {
  return static_cast<instance_state>(pg_atomic_read_u32(const_cast<pg_atomic_uint32 *>(&i->state)));
}

// Something has changed: drops meanings that are no longer valid.  The memory stays attached.
void revalidate(local_state &l) noexcept {
  l.seen_generation = 0;
  if (l.generation == nullptr) return;
  const uint64 now = pg_atomic_read_u64(const_cast<pg_atomic_uint64 *>(l.generation));
  pg_read_barrier();
  forget_hints(l);
  std::erase_if(l.current, [](const auto &entry) {
    return state_of(entry.second->target) != instance_state::published;
  });
  if (!l.bypass) l.seen_generation = now;
}

// The instance that the name means for this process; and whether another process initialises it.
dsa_pointer visible_instance(const shared &s, const allocation_key &key, std::span<const hold> own,
                             const allocation_key **initialising) {
  const allocation_entry *entry = s.allocations.find(key);
  if (entry == nullptr) return InvalidDsaPointer;
  if (entry->creator != 0 && entry->creator != MyProcPid) *initialising = &key;
  dsa_pointer found = InvalidDsaPointer;
  for (dsa_pointer p = entry->instances; DsaPointerIsValid(p); p = s.at(p)->next) {
    const instance *i = s.at(p);
    const bool held =
        std::any_of(own.begin(), own.end(), [p](const hold &h) { return h.instance == p; });
    // registered in the snapshot of its leader, otherwise the caller does not ask
    const bool leaders = IsParallelWorker() && i->holders > 0;
    // newest first: an instance made by this transaction comes before the published one
    if (held || leaders) return p;
    if (state_of(i) == instance_state::published) found = p;
  }
  return found;
}

void on_exit(int, Datum) {
  pg::begin_exit();
  detach_all();
}

bool is_registered(const shared &s, const allocation_key &key) {
  const std::string name = key.name.str();
  if (!OidIsValid(key.home)) return is_held_elsewhere(s, global_allocation(name), InvalidOid);
  const auto registered = index_of(s, key.home);
  const model::allocation *a = registered ? registered->find_allocation(name) : nullptr;
  return a != nullptr && a->scope == model::scope::database;
}

void detach(shared &s, attachment *a) noexcept {
  (void)pg::swallow("detaching from shared memory", [&] {
    const exclusive lock(s);
    instance *i = a->target;
    if (--i->attached > 0 || state_of(i) != instance_state::draining) return;
    for (dsa_pointer *p = &s.root->draining; DsaPointerIsValid(*p); p = &s.at(*p)->next) {
      if (*p != a->pointer) continue;
      *p = i->next;
      break;
    }
    give_back(s, i->charged);
    ++s.root->memory_freed;
    record(s, {model::object_kind::allocation, i->home, i->extension(), i->name(), "drained",
               std::to_string(i->size) + " bytes"});
    pg::release(s.area, a->pointer);
  });
  delete a;
}

}  // namespace

void *find_attached(const char *name) noexcept {
  local_state *l = local;
  if (unlikely(l == nullptr || l->generation == nullptr)) return nullptr;
  if (unlikely(pg_atomic_read_u64(const_cast<pg_atomic_uint64 *>(l->generation)) !=
               l->seen_generation)) {
    revalidate(*l);
    if (l->seen_generation == 0) return nullptr;
  }
  hint &h = hint_for(name);
  if (likely(h.key == name) && std::strcmp(h.found->name.c_str(), name) == 0)
    return h.found->memory;
  const std::string_view text(name);
  const attachment *&digested = l->digests[digest(name, text.size())];
  if (unlikely(digested == nullptr || digested->name != text)) {
    const auto found = l->current.find(text);
    if (found == l->current.end()) return nullptr;
    digested = found->second;
  }
  h = {name, digested};
  return digested->memory;
}

namespace {

struct attaching {
  attachment *to = nullptr;
  bool is_new = false;
};

// Exclusive lock.
attaching attach_instance(shared &s, const std::string &name, dsa_pointer pointer) {
  local_state &l = mine();
  if (!std::exchange(l.exit_watched, true)) pg::call([] { before_shmem_exit(on_exit, 0); });
  l.generation = &s.root->generation;
  revalidate(l);
  for (attachment *a : l.all)
    if (a->pointer == pointer && a->name == name) {
      l.current[name] = a;
      return {a, false};
    }
  auto fresh = std::make_unique<attachment>();
  fresh->name = name;
  fresh->pointer = pointer;
  fresh->target = s.at(pointer);
  fresh->memory = fresh->target->memory();
  l.all.reserve(l.all.size() + 1);
  l.current[name] = fresh.get();
  ++fresh->target->attached;
  l.all.push_back(fresh.get());
  return {fresh.release(), true};
}

// Attaches what the name means for this process; waits while another one initialises it.
attaching attach(shared &s, const std::string &name, std::span<const hold> own) {
  const allocation_key local_key = key_of(current_database(), name);
  const allocation_key global_key = key_of(InvalidOid, name);
  claim_wait wait(s);
  for (;;) {
    {
      const exclusive lock(s);
      wait.end();
      const allocation_key *initialising = nullptr;
      dsa_pointer found = InvalidDsaPointer;
      if (OidIsValid(local_key.home)) found = visible_instance(s, local_key, own, &initialising);
      if (!DsaPointerIsValid(found)) found = visible_instance(s, global_key, own, &initialising);
      if (DsaPointerIsValid(found)) return attach_instance(s, name, found);
      if (initialising == nullptr || !(is_registered(s, local_key) || is_registered(s, global_key)))
        return {};
      wait.begin(*initialising);
      pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    }
    pg::call([&s, event = pg::wait_event(pg::wait::memory_init)] {
      (void)ConditionVariableTimedSleep(&s.root->changed, 1000, event);
      ConditionVariableCancelSleep();
    });
  }
}

}  // namespace

void *attach_allocation(shared &s, const std::string &name, std::span<const hold> own) {
  attachment *a = attach(s, name, own).to;
  return a == nullptr ? nullptr : a->memory;
}

loan borrow_allocation(shared &s, const std::string &name, std::span<const hold> own) {
  const attaching done = attach(s, name, own);
  return done.to == nullptr ? loan() : loan(done.to, done.to->target, done.is_new);
}

loan borrow_draining(const std::string &name) {
  if (local == nullptr) return {};
  for (auto a = local->all.rbegin(); a != local->all.rend(); ++a)
    if ((*a)->name == name && state_of((*a)->target) == instance_state::draining)
      return {*a, (*a)->target, false};
  return {};
}

loan::loan(loan &&other) noexcept
    : attachment_(other.attachment_),
      target_(std::exchange(other.target_, nullptr)),
      ends_(std::exchange(other.ends_, false)) {}

loan &loan::operator=(loan &&other) noexcept {
  std::swap(attachment_, other.attachment_);
  std::swap(target_, other.target_);
  std::swap(ends_, other.ends_);
  return *this;
}

loan::~loan() {
  if (!ends_) return;
  forget_hints(*local);
  std::erase_if(local->current, [this](const auto &entry) { return entry.second == attachment_; });
  if (std::erase(local->all, attachment_) > 0) detach(*attached(), attachment_);
}

bool is_registered_elsewhere(const shared &s, const std::string &name, Oid database) {
  const reading lock(s);
  return is_held_elsewhere(s, global_allocation(name), database);
}

bool detach_allocation(const std::string &name) noexcept {
  shared *s = attached();
  if (s == nullptr || local == nullptr) return false;
  forget_hints(*local);
  local->current.erase(name);
  bool any = false;
  for (attachment *&a : local->all) {
    if (a->name != name) continue;
    detach(*s, std::exchange(a, nullptr));
    any = true;
  }
  std::erase(local->all, nullptr);
  return any;
}

void detach_all() noexcept {
  shared *s = attached();
  if (s == nullptr || local == nullptr) return;
  forget_hints(*local);
  local->current.clear();
  for (attachment *a : std::exchange(local->all, {})) detach(*s, a);
}

void bypass_cache(bool on) noexcept {
  local_state &l = mine();
  l.bypass = on;
  l.seen_generation = 0;
}

}  // namespace dynpgext::state
