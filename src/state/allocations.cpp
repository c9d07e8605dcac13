#include "state/allocations.h"

#include "state/databases.h"
#include "state/events.h"

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
  record(s, {model::object_kind::allocation, i.key.home, i.extension.view(), i.key.name.view(),
             what, std::to_string(i.size) + " bytes"});
}

// Out of the entry: freed at once, or when the last process that looked it up has gone.
void retire(shared &s, allocation_entry &entry, dsa_pointer p) {
  instance *i = s.at(p);
  unlink(s, &entry.instances, p);
  changed(s);
  if (i->announced) announce(s, *i, i->attached == 0 ? "drained" : "draining");
  if (i->attached == 0) {
    s.root->memory_used -= i->charged;
    pg::release(s.area, p);
    return;
  }
  set_state(*i, instance_state::draining);
  i->next = s.root->draining;
  s.root->draining = p;
}

// Which instance is the one that is registered?  A published one before others.  When the
// database that made it no longer registers it, another one that does becomes its source.
dsa_pointer choose(const shared &s, const allocation_entry &entry,
                   const std::vector<model::desired_database> &all) {
  const std::string name = entry.key.name.str();
  dsa_pointer chosen = InvalidDsaPointer;
  std::vector<std::pair<Oid, int64>> holders;
  for (const model::desired_database &d : all) {
    if (OidIsValid(entry.key.home) && d.database != entry.key.home) continue;
    const model::allocation *wanted = d.registrations.find_allocation(name);
    if (wanted == nullptr || model::home_of(wanted->scope, d.database) != entry.key.home) continue;
    const model::extension *owner = d.registrations.find_extension(wanted->extension);
    if (owner == nullptr) continue;
    holders.emplace_back(d.database, owner->incarnation);
    for_each_instance(s, entry, [&](dsa_pointer p, instance &i) {
      if (i.provisional) return;
      const model::live_allocation live = describe(i);
      if (model::compare(*wanted, *owner, d.database, &live, all) != model::allocation_match::same)
        return;
      if (!DsaPointerIsValid(chosen) || state_of(i) == instance_state::published) chosen = p;
    });
  }
  if (DsaPointerIsValid(chosen)) {
    instance *i = s.at(chosen);
    const auto source = std::find_if(holders.begin(), holders.end(),
                                     [i](const auto &h) { return h.first == i->source; });
    std::tie(i->source, i->incarnation) = source == holders.end() ? holders.front() : *source;
  }
  return chosen;
}

}  // namespace

std::vector<model::live_allocation> live_allocations(const shared &s, std::span<const hold> own) {
  std::vector<dsa_pointer> held;
  for (const hold &h : own) held.push_back(h.instance);
  std::sort(held.begin(), held.end());
  std::vector<model::live_allocation> result;
  for (const allocation_entry *entry : s.allocations.entries()) {
    const instance *best = nullptr;
    int best_rank = -1;
    for_each_instance(s, *entry, [&](dsa_pointer p, instance &i) {
      const bool is_held = std::binary_search(held.begin(), held.end(), p);
      // memory that only other transactions under way have is theirs alone
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
    const auto &all = desired(s);
    for (const hold &h : holds) settle(s, h.key, all);
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
        settle(s, h.key, desired(s));
      }
    }
  });
}

void publish_holds(shared &s, std::span<const hold> holds) {
  const exclusive lock(s);
  const auto &all = desired(s);
  for (const hold &h : holds) s.at(h.instance)->provisional = false;
  for (const hold &h : holds) settle(s, h.key, all);
}

void settle(shared &s, const allocation_key &key, const std::vector<model::desired_database> &all) {
  allocation_entry *entry = s.allocations.find(key);
  if (entry == nullptr) return;
  const dsa_pointer chosen = choose(s, *entry, all);
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

void settle_allocations(shared &s, Oid database, const std::vector<model::desired_database> &all) {
  std::vector<allocation_key> keys;
  for (const allocation_entry *entry : s.allocations.entries())
    if (!OidIsValid(entry->key.home) || entry->key.home == database) keys.push_back(entry->key);
  for (const allocation_key &key : keys) settle(s, key, all);
}

}  // namespace dynpgext::state
