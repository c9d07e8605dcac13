// Dynamic shared memory: the area and tables in it.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// A fixed-size string in shared memory, always padded with NULs, so that it can be part of a key
// that is compared as bytes.
template <size_t Size>
struct fixed_string {
  char bytes[Size];

  void assign(std::string_view text) noexcept {
    std::memset(bytes, 0, Size);
    text.copy(bytes, Size - 1);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes, strnlen(bytes, Size)}; }
  [[nodiscard]] std::string str() const { return std::string(view()); }
};

// Runs f, which may need a new segment.  If the system refuses it (no memory, files, or slots of
// the server), raises an error of ours; the target is unchanged.
template <class F>
auto with_segments(F &&f) -> decltype(f());
// Is the error such a refusal?
[[nodiscard]] bool is_refusal(const server_error &e) noexcept;
[[noreturn]] void refuse_memory(const std::string &refusal);

// How a table compares and hashes keys.
inline dshash_parameters table_parameters(size_t key_size, size_t entry_size, int tranche,
                                          dshash_compare_function compare,
                                          dshash_hash_function hash) {
  dshash_parameters p{};
  p.key_size = key_size;
  p.entry_size = entry_size;
  p.compare_function = compare;
  p.hash_function = hash;
  versions::copy_keys_as_bytes(&p);
  p.tranche_id = tranche;
  return p;
}

// An entry in shared memory, whoever makes it: its size is set by the library that has made the
// table, and is larger than needed.  So entries grow at their end, and libraries with fewer or more
// members use the same ones: members that nobody has set are zero.
template <class Entry>
inline constexpr size_t room_for = MAXALIGN(sizeof(Entry) +
                                            std::max(sizeof(Entry) / 8, size_t{64}));

// Of a test build, whose entries have one more member: others do not know it, and do not change it.
template <class Entry>
void mark_grown(Entry *entry) {
  if constexpr (requires { entry->grown; }) entry->grown = sizeof(Entry);
}
template <class Entry>
Entry *check_grown(Entry *entry) {
  if constexpr (requires { entry->grown; })
    if (entry != nullptr && entry->grown != 0 && entry->grown != sizeof(Entry))
      throw error(ERRCODE_DATA_CORRUPTED, "dynpgext: an entry has been overwritten");
  return entry;
}

// A dshash table.  Key and Entry are plain structs; Entry starts with its `Key key`.
//
// Callers hold the lock that guards all tables (state::root) while they use an entry.  So the
// table's own partition locks are taken only for a moment, and pointers to entries, which never
// move, may be kept until the guarding lock is released.
template <class Key, class Entry>
class table {
 public:
  static_assert(std::is_trivially_copyable_v<Entry> && offsetof(Entry, key) == 0);

  // In the current memory context, which must live as long as the process. `room`: of an entry, at
  // least its size, and the same for all users of the table.
  void create(dsa_area *area, int tranche, size_t room) {
    room_ = room;
    const dshash_parameters p = parameters(tranche);
    table_ = call([=, &p] { return dshash_create(area, &p, nullptr); });
  }
  void attach(dsa_area *area, int tranche, dshash_table_handle handle, size_t room) {
    room_ = room;
    const dshash_parameters p = parameters(tranche);
    table_ = call([=, &p] { return dshash_attach(area, &p, handle, nullptr); });
  }
  [[nodiscard]] bool is_open() const { return table_ != nullptr; }
  [[nodiscard]] dshash_table_handle handle() const { return dshash_get_hash_table_handle(table_); }
  // For a table that is often read as a whole: this number, which is in shared memory and guarded
  // like the table, counts new and removed entries, and entries() caches them.
  void count_changes(uint64 *changes) { changes_ = changes; }

  [[nodiscard]] Entry *find(const Key &key) const {
    dshash_table *t = table_;
    return check_grown(call([t, &key] {
      auto *entry = static_cast<Entry *>(dshash_find(t, &key, false));
      if (entry != nullptr) dshash_release_lock(t, entry);
      return entry;
    }));
  }
  // Finds or makes; a new entry is zeroed except its key.  Exclusive lock; may run out of memory.
  [[nodiscard]] Entry *insert(const Key &key) const {
    dshash_table *t = table_;
    uint64 *changes = changes_;
    const size_t room = room_;
    return with_segments([t, changes, room, &key] {
      return call([t, changes, room, &key] {
        bool found = false;
        auto *entry = static_cast<Entry *>(dshash_find_or_insert(t, &key, &found));
        if (!found) {
          std::memset(reinterpret_cast<char *>(entry) + sizeof(Key), 0, room - sizeof(Key));
          mark_grown(entry);
        }
        if (!found && changes != nullptr) ++*changes;
        dshash_release_lock(t, entry);
        return entry;
      });
    });
  }
  // Makes it like a new one.
  void clear(Entry *entry) const {
    std::memset(reinterpret_cast<char *>(entry) + sizeof(Key), 0, room_ - sizeof(Key));
    mark_grown(entry);
  }
  void erase(const Key &key) const {
    dshash_table *t = table_;
    if (changes_ != nullptr) ++*changes_;
    call([t, &key] { (void)dshash_delete_key(t, &key); });
  }
  [[nodiscard]] std::vector<Entry *> entries() const {
    if (changes_ == nullptr) return scan();
    if (remembered_at_ != *changes_ + 1) {
      remembered_ = scan();
      remembered_at_ = *changes_ + 1;
    }
    return remembered_;
  }

 private:
  [[nodiscard]] std::vector<Entry *> scan() const {
    std::vector<Entry *> all;
    dshash_seq_status scan;
    dshash_table *t = table_;
    call([&scan, t] { dshash_seq_init(&scan, t, false); });
    bool is_whole = true;
    while (auto *entry = call([&scan] { return static_cast<Entry *>(dshash_seq_next(&scan)); })) {
      try {
        all.push_back(entry);
      } catch (const std::bad_alloc &) {  // not while the table's lock is held
        is_whole = false;
        break;
      }
    }
    call([&scan] { dshash_seq_term(&scan); });
    if (!is_whole) throw std::bad_alloc();
    return all;
  }
  [[nodiscard]] dshash_parameters parameters(int tranche) const {
    return table_parameters(sizeof(Key), room_, tranche, dshash_memcmp, dshash_memhash);
  }

  dshash_table *table_ = nullptr;
  size_t room_ = 0;
  uint64 *changes_ = nullptr;
  mutable std::vector<Entry *> remembered_;
  mutable uint64 remembered_at_ = 0;  // one more than the number at that time; 0: never
};

// Address of an entry of a `listed_table`, and its neighbours in its list.
struct list_links {
  dsa_pointer self;
  dsa_pointer previous;
  dsa_pointer next;
  Oid list;
};

struct list_handles {
  dshash_table_handle slots;
  dshash_table_handle lists;
};

// The same for entries that are also in lists, one for each database with entries (InvalidOid:
// those without one).  So the entries of one database are found without reading the others.  Entry
// has a member `list_links links`; list_of(key) is the list of a new one.
template <class Key, class Entry>
class listed_table {
 public:
  void create(dsa_area *area, int tranche, size_t room) {
    area_ = area;
    room_ = room;
    const dshash_parameters p = parameters(tranche);
    slots_ = call([=, &p] { return dshash_create(area, &p, area); });
    lists_.create(area, tranche, sizeof(head));
  }
  void attach(dsa_area *area, int tranche, const list_handles &made, size_t room) {
    area_ = area;
    room_ = room;
    const dshash_parameters p = parameters(tranche);
    slots_ = call([=, &p] { return dshash_attach(area, &p, made.slots, area); });
    lists_.attach(area, tranche, made.lists, sizeof(head));
  }
  [[nodiscard]] bool is_open() const { return lists_.is_open(); }
  [[nodiscard]] list_handles handle() const {
    return {dshash_get_hash_table_handle(slots_), lists_.handle()};
  }

  [[nodiscard]] Entry *find(const Key &key) const {
    dshash_table *t = slots_;
    const slot probe{&key, InvalidDsaPointer};
    const dsa_pointer found = call([t, &probe] {
      auto *stored = static_cast<slot *>(dshash_find(t, &probe, false));
      if (stored == nullptr) return InvalidDsaPointer;
      const dsa_pointer entry = stored->entry;
      dshash_release_lock(t, stored);
      return entry;
    });
    return DsaPointerIsValid(found) ? at(found) : nullptr;
  }
  // Finds or makes; a new entry is zeroed except its key and its links.
  [[nodiscard]] Entry *insert(const Key &key) const {
    if (Entry *found = find(key)) return found;
    (void)lists_.insert({list_of(key)});
    dsa_area *area = area_;
    const size_t room = room_;
    const dsa_pointer self = with_segments(
        [area, room] { return call([area, room] { return dsa_allocate0(area, room); }); });
    Entry *entry = at(self);
    mark_grown(entry);
    entry->key = key;
    entry->links.self = self;
    try {
      store(key, self);
    } catch (...) {
      call([area, self] { dsa_free(area, self); });
      throw;
    }
    link(*entry, list_of(key));
    return entry;
  }
  void erase(const Key &key) const {
    Entry *gone = find(key);
    if (gone == nullptr) return;
    unlink(*gone);
    const dsa_pointer self = gone->links.self;
    const slot probe{&key, InvalidDsaPointer};
    dshash_table *t = slots_;
    dsa_area *area = area_;
    call([=, &probe] {
      (void)dshash_delete_key(t, &probe);
      dsa_free(area, self);
    });
  }
  // Fails only for a list that is not kept.
  void move(Entry &entry, Oid list) const {
    if (entry.links.list == list) return;
    (void)lists_.insert({list});
    unlink(entry);
    link(entry, list);
  }
  // Reserves a list, so that no move() to it fails; and the reverse.
  void keep_list(Oid list) const { lists_.insert({list})->is_kept = true; }
  void forget_list(Oid list) const {
    head *h = lists_.find({list});
    if (h == nullptr) return;
    h->is_kept = false;
    if (!DsaPointerIsValid(h->first)) lists_.erase({list});
  }

  [[nodiscard]] std::vector<Entry *> of(Oid list) const {
    std::vector<Entry *> all;
    const head *h = lists_.find({list});
    if (h == nullptr) return all;
    for (dsa_pointer p = h->first; DsaPointerIsValid(p); p = all.back()->links.next)
      all.push_back(at(p));
    return all;
  }
  // The existing lists; some may be empty.
  [[nodiscard]] std::vector<Oid> lists() const {
    std::vector<Oid> all;
    for (const head *h : lists_.entries()) all.push_back(h->key.list);
    return all;
  }
  // Of all lists.
  [[nodiscard]] std::vector<Entry *> entries() const {
    std::vector<Entry *> all;
    for (const head *h : lists_.entries())
      for (dsa_pointer p = h->first; DsaPointerIsValid(p); p = all.back()->links.next)
        all.push_back(at(p));
    return all;
  }
  [[nodiscard]] bool is_empty() const {
    for (const head *h : lists_.entries())
      if (DsaPointerIsValid(h->first)) return false;
    return true;
  }

 private:
  // The key is only in the entry.  A search key is in the memory of the searching process, and so
  // is in a slot only while it is being stored.
  struct slot {
    const Key *probe;
    dsa_pointer entry;
  };
  static const Key &key_of(const void *of, void *area) {
    const slot &s = *static_cast<const slot *>(of);
    if (!DsaPointerIsValid(s.entry)) return *s.probe;
    return static_cast<Entry *>(dsa_get_address(static_cast<dsa_area *>(area), s.entry))->key;
  }
  static int compare(const void *a, const void *b, size_t, void *area) {
    return std::memcmp(&key_of(a, area), &key_of(b, area), sizeof(Key));
  }
  static dshash_hash hash(const void *of, size_t, void *area) {
    return dshash_memhash(&key_of(of, area), sizeof(Key), nullptr);
  }
  static dshash_parameters parameters(int tranche) {
    return table_parameters(sizeof(slot), sizeof(slot), tranche, compare, hash);
  }
  void store(const Key &key, dsa_pointer entry) const {
    dshash_table *t = slots_;
    const slot probe{&key, InvalidDsaPointer};
    with_segments([=, &probe] {
      call([=, &probe] {
        bool found = false;
        auto *made = static_cast<slot *>(dshash_find_or_insert(t, &probe, &found));
        *made = {nullptr, entry};
        dshash_release_lock(t, made);
      });
    });
  }
  struct list_key {
    Oid list;
  };
  struct head {
    list_key key;
    bool is_kept;
    dsa_pointer first;
  };

  [[nodiscard]] Entry *at(dsa_pointer p) const {
    dsa_area *area = area_;
    return check_grown(call([area, p] { return static_cast<Entry *>(dsa_get_address(area, p)); }));
  }
  void link(Entry &entry, Oid list) const {
    head *h = lists_.find({list});
    Entry *next = DsaPointerIsValid(h->first) ? at(h->first) : nullptr;
    // nothing fails from here on
    entry.links.list = list;
    entry.links.previous = InvalidDsaPointer;
    entry.links.next = h->first;
    if (next != nullptr) next->links.previous = entry.links.self;
    h->first = entry.links.self;
  }
  void unlink(Entry &entry) const {
    const list_links gone = entry.links;
    head *h = lists_.find({gone.list});
    Entry *previous = DsaPointerIsValid(gone.previous) ? at(gone.previous) : nullptr;
    Entry *next = DsaPointerIsValid(gone.next) ? at(gone.next) : nullptr;
    if (next != nullptr) next->links.previous = gone.previous;
    if (previous != nullptr) {
      previous->links.next = gone.next;
      return;
    }
    if (h == nullptr) return;
    h->first = gone.next;
    if (!DsaPointerIsValid(h->first) && !h->is_kept) lists_.erase({gone.list});
  }

  dsa_area *area_ = nullptr;
  size_t room_ = 0;
  dshash_table *slots_ = nullptr;
  table<list_key, head> lists_;
};

// A tranche of LWLocks; call `register_lock_tranche` in each process that uses one.
[[nodiscard]] int new_lock_tranche(const char *name);
void register_lock_tranche(int id, const char *name);

// Makes (pinned: it lives until the server restarts) or attaches the area, for the life of the
// process.
[[nodiscard]] dsa_area *create_area(int tranche);
[[nodiscard]] dsa_area *attach_area(dsa_handle handle);

// Memory from the area, freed by the destructor unless it is kept.  Hold no LWLock when making one.
class allocation {
 public:
  enum class content { zeroed, uninitialised };
  allocation(dsa_area *area, size_t size, content wanted = content::zeroed);
  allocation(const allocation &) = delete;
  allocation &operator=(const allocation &) = delete;
  ~allocation();

  // InvalidDsaPointer if there is none; and the reason, if the system has given one.
  [[nodiscard]] dsa_pointer pointer() const noexcept { return pointer_; }
  [[nodiscard]] explicit operator bool() const noexcept { return DsaPointerIsValid(pointer_); }
  [[nodiscard]] const std::string &refusal() const noexcept { return refusal_; }
  // Something in shared memory now points to it.
  dsa_pointer keep() noexcept { return std::exchange(pointer_, InvalidDsaPointer); }

 private:
  dsa_area *area_;
  dsa_pointer pointer_ = InvalidDsaPointer;
  std::string refusal_;
};
// The maximum that the area may take from the system in total; SIZE_MAX: no limit.  Free memory of
// the area is not always given back.
void limit_area(dsa_area *area, size_t bytes);
void release(dsa_area *area, dsa_pointer pointer);
template <class T>
[[nodiscard]] T *address(dsa_area *area, dsa_pointer pointer) {
  return call([=] { return static_cast<T *>(dsa_get_address(area, pointer)); });
}

// A struct in the main shared memory segment; works after startup, too. `found`: whether it
// existed; a new one is zeroed.
[[nodiscard]] void *shared_struct(const char *name, size_t size, bool *found);

template <class F>
auto with_segments(F &&f) -> decltype(f()) {
  std::string refusal;
  try {
    return f();
  } catch (const server_error &e) {
    if (!is_refusal(e)) throw;
    refusal = e.what();
  }
  refuse_memory(refusal);
}

}  // namespace dynpgext::pg
