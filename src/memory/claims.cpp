#include "memory/claims.h"

#include "model/claims.h"
#include "pg/fault.h"
#include "pg/settings.h"
#include "pg/wait_event.h"
#include "shared/charge.h"
#include "shared/databases.h"
#include "shared/text.h"

namespace dynpgext::state {
namespace {

// The allocation that this process is initialising.  An exit in between (FATAL) runs no
// destructors; abandon_claims() finds it here.
struct open_claim {
  allocation_key key;
  dsa_pointer made;
};
std::vector<open_claim> &claims() {
  static auto *const list = new std::vector<open_claim>;
  return *list;
}
bool is_for(const open_claim &claim, const allocation_key &key) {
  return std::memcmp(&claim.key, &key, sizeof key) == 0;
}

void forget_claim(const allocation_key &key) {
  if (std::erase_if(claims(), [&](const open_claim &c) { return is_for(c, key); }) > 0)
    pg::lock_order::released(pg::lock_rank::claim);
}

[[noreturn]] void refuse_taken(const allocation_request &r, const model::live_allocation &other) {
  const auto text = [](model::scope scope, uint64 size) {
    return std::string("scope ") + model::name_of(scope) + ", " + std::to_string(size) + " bytes";
  };
  const bool own = other.extension == r.owner.name;
  throw pg::error(
      ERRCODE_DUPLICATE_OBJECT,
      "extension \"" + r.owner.name + "\" cannot register shared memory \"" + r.registration.name +
          (own ? "\": it exists with another size or scope" : "\": the name is taken"),
      "It exists for extension \"" + other.extension + "\" with " +
          text(OidIsValid(other.home) ? model::scope::database : model::scope::global, other.size) +
          "; the request was for " + text(r.registration.scope, r.registration.size) + ".",
      own ? "Use another name in a version that needs another size (by convention "
            "extension:version:purpose), or drop and create the extension in all databases."
          : "Use another name (by convention extension:version:purpose), or drop the extension that "
            "has it.");
}

// Made by this extension of this database, and used by no other.
bool is_own(const allocation_request &r, const model::live_allocation &live, bool is_shared) {
  return !is_shared && live.extension == r.owner.name && live.source == r.database;
}

void refuse_others(const shared &s, const allocation_request &r, const allocation_entry &entry) {
  for_each_instance(s, entry, [&](dsa_pointer, instance &i) {
    // memory that this same extension has just dropped here may change its scope
    const bool own = i.source == r.database && i.extension() == r.owner.name &&
                     i.incarnation != r.owner.incarnation;
    if (!own) refuse_taken(r, describe(i));
  });
}

// A name is either global or database-local, everywhere.
void check_other_scope(const shared &s, const allocation_request &r) {
  if (r.registration.scope == model::scope::database) {
    if (const allocation_entry *entry = s.allocations.find(key_of(InvalidOid, r.registration.name)))
      refuse_others(s, r, *entry);
    return;
  }
  const local_name *found = s.local_names.find(local_key_of(r.registration.name));
  if (found == nullptr) return;
  for (const allocation_entry *entry : s.allocations.entries())
    if (OidIsValid(entry->key.home) && entry->key.name.view() == r.registration.name)
      refuse_others(s, r, *entry);
}

// A key as a text.
std::string_view bytes_of(const allocation_key &key) {
  return {reinterpret_cast<const char *>(&key),
          offsetof(allocation_key, name) + key.name.view().size()};
}
allocation_key key_in(std::string_view bytes) {
  allocation_key key{};
  std::memcpy(&key, bytes.data(), bytes.size());
  return key;
}

std::vector<model::claim> all_claims(const shared &s) {
  std::vector<model::claim> all;
  for (const allocation_entry *entry : s.allocations.entries()) {
    if (entry->creator == 0) continue;
    const allocation_key awaited = key_in(view(s, entry->awaited));
    all.push_back({.home = entry->key.home,
                   .name = entry->key.name.str(),
                   .process = entry->creator,
                   .awaited_home = awaited.home,
                   .awaited = awaited.name.str()});
  }
  return all;
}

[[noreturn]] void refuse_circle(const std::vector<model::claim> &circle) {
  std::string names;
  std::string detail;
  for (const model::claim &c : circle) {
    names += (names.empty() ? "\"" : ", \"") + c.name + "\"";
    detail += (detail.empty() ? "Process " : " Process ") + std::to_string(c.process) +
              " initialises \"" + c.name + "\" and waits for \"" + c.awaited + "\".";
  }
  throw pg::error(ERRCODE_T_R_DEADLOCK_DETECTED,
                  "deadlock detected: callbacks of shared memory " + names + " wait for each other",
                  detail,
                  "Two callbacks must not look up each other's memory. Do it in "
                  "one of them only, or later, in the worker.");
}

}  // namespace

claim_wait::~claim_wait() {
  if (!is_written_) return;
  (void)pg::swallow("ending a wait for shared memory", [this] {
    const exclusive lock(shared_);
    end();
  });
}

void claim_wait::write(const allocation_key *awaited) {
  for (const open_claim &c : claims()) {
    allocation_entry *entry = shared_.allocations.find(c.key);
    if (entry != nullptr && awaited != nullptr) assign(shared_, entry->awaited, bytes_of(*awaited));
    if (entry != nullptr && awaited == nullptr) clear(shared_, entry->awaited);
  }
}

void claim_wait::begin(const allocation_key &awaited) {
  if (claims().empty()) return;  // nobody waits for this process
  is_written_ = true;
  write(&awaited);
  const std::vector<model::claim> circle = model::find_circle(all_claims(shared_), MyProcPid);
  if (circle.empty()) return;
  end();
  refuse_circle(circle);
}

void claim_wait::end() {
  if (std::exchange(is_written_, false)) write(nullptr);
}

namespace detail {

claim claim_or_join(shared &s, const allocation_request &r) {
  const Oid home = model::home_of(r.registration.scope, r.database);
  const allocation_key key = key_of(home, r.registration.name);
  pg::lock_order::acquiring(pg::lock_rank::claim);
  claim_wait wait(s);
  for (;;) {
    {
      const exclusive lock(s);
      wait.end();
      check_other_scope(s, r);
      allocation_entry *entry = insert_entry(s, key);
      if (entry->creator == MyProcPid)
        throw pg::error(ERRCODE_OBJECT_IN_USE, "shared memory \"" + r.registration.name +
                                                   "\" is being initialised by this process");
      if (entry->creator == 0) {
        const bool is_shared =
            !OidIsValid(home) &&
            is_held_elsewhere(s, global_allocation(r.registration.name), r.database);
        claim result;
        const instance *blocker = nullptr;
        for_each_instance(s, *entry, [&](dsa_pointer p, instance &i) {
          const model::live_allocation live = describe(i);
          switch (model::compare(r.registration, r.owner, r.database, &live, is_shared)) {
            case model::allocation_match::same:
              if (!DsaPointerIsValid(result.joined.instance)) result.joined = {key, p};
              break;
            case model::allocation_match::taken:
              if (!r.may_replace || !is_own(r, live, is_shared)) blocker = &i;
              break;
            default: break;
          }
        });
        if (DsaPointerIsValid(result.joined.instance)) {
          ++s.at(result.joined.instance)->holders;
          return result;
        }
        if (blocker != nullptr) refuse_taken(r, describe(*blocker));
        claims().push_back({key, InvalidDsaPointer});
        entry->creator = MyProcPid;
        pg::lock_order::acquired(pg::lock_rank::claim);
        result.must_make = true;
        DYNPGEXT_FAULT_POINT("allocate.claimed");
        return result;
      }
      wait.begin(key);
      pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    }
    pg::call([&s, event = pg::wait_event(pg::wait::memory_init)] {
      (void)ConditionVariableTimedSleep(&s.root->changed, 1000, event);
      ConditionVariableCancelSleep();
    });
  }
}

dsa_pointer make_instance(shared &s, const allocation_request &r) {
  const allocation_key key =
      key_of(model::home_of(r.registration.scope, r.database), r.registration.name);
  const std::string_view name = key.name.view();
  const std::string_view extension = r.registration.extension;  // at most NAMEDATALEN - 1
  const uint64 bytes = instance::bytes(name.size() + extension.size(), r.registration.size);
  // the launcher may not have seen a new database yet
  if (key.home == MyDatabaseId && IsTransactionState()) note_owner(s);
  charge charged(s, key.home, bytes, set_limits());
  const std::string what = "extension \"" + r.owner.name + "\" cannot have " +
                           std::to_string(r.registration.size) + " bytes of shared memory for \"" +
                           r.registration.name + "\"";
  if (!charged.fits()) throw charged.refusal(what);
  pg::allocation memory(s.area, bytes);
  if (!memory)
    throw pg::error(ERRCODE_OUT_OF_MEMORY, what + ": out of shared memory", memory.refusal());
  const dsa_pointer made = memory.pointer();
  instance *i = s.at(made);
  i->home = key.home;
  i->name_size = static_cast<uint16>(name.copy(i->names, name.size()));
  i->extension_size = static_cast<uint16>(extension.copy(i->names + name.size(), extension.size()));
  i->size = r.registration.size;
  i->source = r.database;
  i->incarnation = r.owner.incarnation;
  i->holders = 1;
  i->provisional = true;
  i->declared = r.registration.declared;
  i->allocated_at = GetCurrentTimestamp();
  pg_atomic_init_u32(&i->state, static_cast<uint32>(instance_state::pending));
  for (open_claim &claim : claims())
    if (is_for(claim, key)) claim.made = memory.keep();
  i->charged = charged.keep();
  DYNPGEXT_FAULT_POINT("allocate.made");
  return made;
}

hold finish_claim(shared &s, const allocation_key &key, dsa_pointer made) {
  const exclusive lock(s);
  allocation_entry *entry = s.allocations.find(key);
  forget_claim(key);
  entry->creator = 0;
  clear(s, entry->awaited);
  instance *i = s.at(made);
  i->next = entry->instances;
  entry->instances = made;
  pg::call([&s] { ConditionVariableBroadcast(&s.root->changed); });
  return {key, made};
}

void cancel_claim(shared &s, const allocation_key &key, dsa_pointer made) noexcept {
  (void)pg::swallow("giving back shared memory", [&] {
    const exclusive lock(s);
    for (const open_claim &c : claims())
      if (is_for(c, key) && !DsaPointerIsValid(made)) made = c.made;
    forget_claim(key);
    if (DsaPointerIsValid(made)) {
      give_back(s, s.at(made)->charged);
      pg::release(s.area, made);
    }
    if (allocation_entry *entry = s.allocations.find(key)) {
      entry->creator = 0;
      clear(s, entry->awaited);
      erase_if_empty(s, *entry);
    }
    pg::call([&s] { ConditionVariableBroadcast(&s.root->changed); });
  });
}

}  // namespace detail

void abandon_claims() noexcept {
  shared *s = attached();
  if (s == nullptr) return;
  const std::vector<open_claim> open = claims();
  for (const open_claim &claim : open) detail::cancel_claim(*s, claim.key, claim.made);
}

}  // namespace dynpgext::state
