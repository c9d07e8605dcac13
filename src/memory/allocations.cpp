#include "memory/allocations.h"

#include "shared/databases.h"
#include "shared/events.h"
#include "shared/publication.h"

namespace dynpgext::state {
namespace {

instance_state state_of(instance &i) {
  return static_cast<instance_state>(pg_atomic_read_u32(&i.state));
}
void set_state(instance &i, instance_state state) {
  pg_atomic_write_u32(&i.state, static_cast<uint32>(state));
}

void unlink(const shared &s, dsa_pointer *list, dsa_pointer target) {
  for (dsa_pointer *p = list; DsaPointerIsValid(*p); p = &s.at(*p)->next) {
    if (*p != target) continue;
    *p = s.at(target)->next;
    return;
  }
}

void changed(const shared &s) { pg_atomic_fetch_add_u64(&s.root->generation, 1); }

void announce(const shared &s, const instance &i, std::string_view what) {
  record(s, {model::object_kind::allocation, i.home, i.extension(), i.name(), what,
             std::to_string(i.size) + " bytes"});
}

// Removes it from the entry: freed at once, or when the last attached process has ended.
void retire(shared &s, allocation_entry &entry, dsa_pointer p) {
  instance *i = s.at(p);
  unlink(s, &entry.instances, p);
  changed(s);
  if (i->announced) announce(s, *i, i->attached == 0 ? "drained" : "draining");
  if (i->attached == 0) {
    give_back(s, i->charged);
    if (i->announced) ++s.root->memory_freed;
    pg::release(s.area, p);
    return;
  }
  set_state(*i, instance_state::draining);
  i->drained = pg::moment::now();
  i->next = s.root->draining;
  s.root->draining = p;
}

// The registering transaction or database.
struct registrant {
  Oid database;
  model::allocation wanted;
  model::extension owner;
};

void add_registrant(std::vector<registrant> &all, Oid home, Oid database, const auto &registered,
                    const std::string &name) {
  const model::allocation *wanted = registered.find_allocation(name);
  if (wanted == nullptr || model::home_of(wanted->scope, database) != home) return;
  if (const model::extension *owner = registered.find_extension(wanted->extension))
    all.push_back({database, *wanted, *owner});
}

std::vector<registrant> registrants_of(const shared &s, const allocation_key &key) {
  std::vector<registrant> all;
  const std::string name = key.name.str();
  if (OidIsValid(key.home)) {
    if (const auto registered = index_of(s, key.home))
      add_registrant(all, key.home, key.home, *registered, name);
  } else {
    for (const model::desired_database &d : holders_of(s, global_allocation(name)))
      add_registrant(all, key.home, d.database, d.registrations, name);
  }
  return all;
}

// Chooses the registered instance: a published one before others.  If the database that made it no
// longer registers it, another registering database becomes its source.
dsa_pointer choose(const shared &s, const allocation_entry &entry) {
  const std::vector<registrant> all = registrants_of(s, entry.key);
  dsa_pointer chosen = InvalidDsaPointer;
  for (const registrant &r : all)
    for_each_instance(s, entry, [&](dsa_pointer p, instance &i) {
      if (i.provisional) return;
      const model::live_allocation live = describe(i);
      if (model::compare(r.wanted, r.owner, r.database, &live, all.size() > 1) !=
          model::allocation_match::same)
        return;
      if (!DsaPointerIsValid(chosen) || state_of(i) == instance_state::published) chosen = p;
    });
  if (DsaPointerIsValid(chosen)) {
    instance *i = s.at(chosen);
    const auto found = std::find_if(all.begin(), all.end(),
                                    [i](const registrant &r) { return r.database == i->source; });
    const registrant &source = found == all.end() ? all.front() : *found;
    i->source = source.database;
    i->incarnation = source.owner.incarnation;
  }
  return chosen;
}

}  // namespace

std::vector<model::live_allocation>
live_allocations(const shared &s, std::span<const allocation_entry *const> entries,
                 std::span<const hold> own) {
  std::vector<dsa_pointer> held;
  for (const hold &h : own) held.push_back(h.instance);
  std::sort(held.begin(), held.end());
  std::vector<model::live_allocation> result;
  for (const allocation_entry *entry : entries) {
    const instance *best = nullptr;
    int best_rank = -1;
    for_each_instance(s, *entry, [&](dsa_pointer p, instance &i) {
      const bool is_held = std::binary_search(held.begin(), held.end(), p);
      // memory held only by other transactions is theirs alone
      const int rank = is_held ? 2 : state_of(i) == instance_state::published ? 1 : -1;
      if (rank <= best_rank) return;
      best = &i;
      best_rank = rank;
    });
    if (best != nullptr) result.push_back(describe(*best));
  }
  return result;
}

void release_holds(shared &s, std::span<const hold> holds) noexcept {
  if (holds.empty()) return;
  (void)pg::swallow("releasing shared memory", [&] {
    const exclusive lock(s);
    for (const hold &h : holds) --s.at(h.instance)->holders;
    for (const hold &h : holds) settle(s, h.key);
  });
}

void roll_back_holds(shared &s, std::span<const hold> holds) noexcept {
  if (holds.empty()) return;
  (void)pg::swallow("giving back shared memory", [&] {
    const exclusive lock(s);
    for (const hold &h : holds) {
      instance *i = s.at(h.instance);
      const bool is_last = --i->holders == 0;
      allocation_entry *entry = s.allocations.find(h.key);
      if (entry == nullptr || !is_last || state_of(*i) != instance_state::pending) continue;
      if (i->provisional) {
        retire(s, *entry, h.instance);
        erase_if_empty(s, *entry);
      } else {
        settle(s, h.key);
      }
    }
  });
}

void publish_holds(shared &s, std::span<const hold> holds) {
  const exclusive lock(s);
  for (const hold &h : holds) s.at(h.instance)->provisional = false;
  for (const hold &h : holds) settle(s, h.key);
}

void settle(shared &s, const allocation_key &key) {
  allocation_entry *entry = s.allocations.find(key);
  if (entry == nullptr) return;
  const dsa_pointer chosen = choose(s, *entry);
  for_each_instance(s, *entry, [&](dsa_pointer p, instance &i) {
    if (p == chosen) {
      if (state_of(i) != instance_state::published) {
        set_state(i, instance_state::published);
        changed(s);
        if (!std::exchange(i.announced, true)) announce(s, i, "allocated");
      }
    } else if (i.holders == 0) {
      retire(s, *entry, p);
    } else if (state_of(i) == instance_state::published) {
      set_state(i, instance_state::pending);
      changed(s);
    }
  });
  erase_if_empty(s, *entry);
}

void settle_allocations(shared &s, Oid database, const global_names &names) {
  std::vector<allocation_key> keys;
  for (const allocation_entry *entry : s.allocations.of(database)) keys.push_back(entry->key);
  for (const global_name &name : names)
    if (name.kind == model::object_kind::allocation) keys.push_back(key_of(InvalidOid, name.name));
  for (const allocation_key &key : keys) settle(s, key);
}

}  // namespace dynpgext::state
