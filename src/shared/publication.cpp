#include "shared/publication.h"

#include "model/encoding.h"
#include "shared/attention.h"
#include "shared/comparisons.h"

namespace dynpgext::state {
namespace {

std::string_view encoded(const shared &s, const database_entry &entry) {
  if (!DsaPointerIsValid(entry.registrations)) return {};
  return {pg::address<char>(s.area, entry.registrations), entry.registrations_size};
}

model::registrations decode(Oid database, std::string_view bytes) {
  if (bytes.empty()) return {};
  auto decoded = model::decode(bytes);
  if (!decoded)
    throw pg::error(ERRCODE_DATA_CORRUPTED, "dynpgext: registrations of database " +
                                                std::to_string(database) +
                                                " in shared memory are damaged");
  return std::move(*decoded);
}

model::registrations read(const shared &s, const database_entry &entry) {
  return decode(entry.key.database, encoded(s, entry));
}

class indexed {
 public:
  explicit indexed(model::registrations &&decoded) : all(std::move(decoded)) {}
  // Built on first use: a lookup of one name does not need it.
  [[nodiscard]] const model::registration_index *by_key() const {
    if (!index_) index_.emplace(all);
    return &*index_;
  }

  const model::registrations all;

 private:
  mutable std::optional<model::registration_index> index_;
};

// The last registrations decoded by this process: most of its requests are about one database.
class last_known {
 public:
  [[nodiscard]] bool is(uint64 publication) const { return publication_ == publication; }
  void take(uint64 publication, model::registrations &&decoded) {
    publication_ = 0;
    indexed_ = std::make_shared<const indexed>(std::move(decoded));
    publication_ = publication;
  }
  [[nodiscard]] const std::shared_ptr<const indexed> &get() const { return indexed_; }

 private:
  std::shared_ptr<const indexed> indexed_;
  uint64 publication_ = 0;  // 0: none
};

last_known &known() {
  static auto *const last = new last_known;
  return *last;
}

// For its published registrations.
memory_bill paid_for(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry == nullptr ? memory_bill{} : entry->charged;
}

// nullptr: unknown.
std::shared_ptr<const indexed> find_indexed(const shared &s, Oid database) {
  const database_entry *entry = s.databases.find({database});
  if (entry == nullptr || !entry->present) return nullptr;
  if (!known().is(entry->publication)) known().take(entry->publication, read(s, *entry));
  return known().get();
}

}  // namespace

std::shared_ptr<const model::registrations> registrations_of(const shared &s, Oid database) {
  const auto found = find_indexed(s, database);
  return found ? std::shared_ptr<const model::registrations>(found, &found->all) : nullptr;
}

std::shared_ptr<const model::registration_index> index_of(const shared &s, Oid database) {
  const auto found = find_indexed(s, database);
  return found ? std::shared_ptr<const model::registration_index>(found, found->by_key()) : nullptr;
}

void read_ahead(const shared &s, Oid database) {
  std::string bytes;
  uint64 publication = 0;
  {
    const reading lock(s);
    const database_entry *entry = s.databases.find({database});
    if (entry == nullptr || !entry->present || known().is(entry->publication)) return;
    bytes = encoded(s, *entry);
    publication = entry->publication;
  }
  known().take(publication, decode(database, bytes));
}

std::optional<model::registrations> read_registrations(const shared &s, Oid database) {
  std::string bytes;
  {
    const reading lock(s);
    const database_entry *entry = s.databases.find({database});
    if (entry == nullptr || !entry->present) return std::nullopt;
    bytes = encoded(s, *entry);
  }
  return decode(database, bytes);
}

desired_databases all_registrations(const shared &s) {
  desired_databases all;
  for (const database_entry *entry : s.databases.entries())
    if (entry->present) all.push_back({entry->key.database, read(s, *entry)});
  return all;
}

publication::publication(shared &s, Oid database, const model::registrations &wanted, bool present,
                         database_identity identity, const memory_limits &limits)
    : shared_(s),
      database_(database),
      wanted_(wanted),
      present_(present),
      identity_(std::move(identity)),
      holdings_(s, database, wanted),
      encoded_(present ? model::encode(wanted) : std::string()),
      charge_(s, database, encoded_.size() + holdings_.bytes(), limits, paid_for(s, database)) {
  if (!charge_.fits()) return;
  if (present) {
    bytes_.emplace(s.area, encoded_.size());
    if (!*bytes_)
      throw pg::error(ERRCODE_OUT_OF_MEMORY, "dynpgext: no shared memory for the registrations",
                      bytes_->refusal());
    std::memcpy(pg::address<char>(s.area, bytes_->pointer()), encoded_.data(), encoded_.size());
  }
  const exclusive lock(s);
  (void)s.databases.insert({database});
  if (!present) return;
  s.extensions.keep_list(database);
  s.allocations.keep_list(database);
  s.workers.keep_list(database);
}

void publication::publish() {
  database_entry *entry = shared_.databases.find({database_});
  if (entry == nullptr) return;  // the database has been dropped meanwhile
  const dsa_pointer old =
      std::exchange(entry->registrations, bytes_ ? bytes_->keep() : InvalidDsaPointer);
  const uint64 old_charge = entry->charged.bytes;
  entry->registrations_size = static_cast<uint32>(encoded_.size());
  charge_.replace(entry->charged);
  if (old_charge > entry->charged.bytes) ++shared_.root->memory_freed;
  entry->present = present_;
  entry->under_restore = wanted_.under_restore.has_value();
  set_identity(shared_, *entry, identity_);
  if (!present_) forget_comparisons(shared_, *entry);
  entry->publication = ++shared_.root->publications;
  holdings_.publish(*entry);
  attend(shared_, database_);
  // including names that it no longer holds
  for (const global_name &name : holdings_.touched()) attend_holder(shared_, name);
  if (DsaPointerIsValid(old)) pg::release(shared_.area, old);
}

}  // namespace dynpgext::state
