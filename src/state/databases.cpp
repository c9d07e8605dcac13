#include "state/databases.h"

#include "model/encoding.h"
#include "model/text.h"
#include "pg/database_mark.h"
#include "pg/transaction.h"
#include "state/attention.h"
#include "state/comparisons.h"
#include "state/events.h"
#include "state/quarantine.h"
#include "state/text.h"

namespace dynpgext::state {
namespace {

extension_key key_of(Oid database, const std::string &extension) {
  extension_key key{};
  key.database = database;
  key.extension.assign(extension);
  return key;
}

void set_state(const shared &s, extension_entry &entry, model::extension_state state) {
  using model::extension_state;
  if (entry.state == extension_state::failed) --s.root->failed;
  if (state == extension_state::failed) ++s.root->failed;
  entry.state = state;
}

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

struct indexed {
  explicit indexed(model::registrations &&decoded) : all(std::move(decoded)), index(all) {}
  const model::registrations all;
  const model::registration_index index;
};

// What this process has decoded last: most of its questions are about one database.
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

// nullptr: nothing is known.
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
  return found ? std::shared_ptr<const model::registration_index>(found, &found->index) : nullptr;
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
                         database_identity identity)
    : shared_(s),
      database_(database),
      wanted_(wanted),
      present_(present),
      identity_(std::move(identity)),
      holdings_(s, database, wanted) {
  if (present) {
    const std::string encoded = model::encode(wanted);
    size_ = static_cast<uint32>(encoded.size());
    charge_.emplace(s, database, size_);
    bytes_.emplace(s.area, encoded.size());
    if (!*bytes_)
      throw pg::error(ERRCODE_OUT_OF_MEMORY, "dynpgext: no shared memory for the registrations",
                      bytes_->refusal());
    std::memcpy(pg::address<char>(s.area, bytes_->pointer()), encoded.data(), encoded.size());
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
  const uint32 old_size = std::exchange(entry->registrations_size, size_);
  if (charge_) charge_->keep();
  entry->present = present_;
  entry->under_restore = wanted_.under_restore.has_value();
  entry->mark.assign(identity_.mark);
  entry->row = identity_.row;
  if (!present_) forget_comparisons(shared_, *entry);
  entry->publication = ++shared_.root->publications;
  holdings_.publish(*entry);
  attend(shared_, database_);
  // of the names that it does not hold any more, too
  for (const global_name &name : holdings_.touched()) attend_holder(shared_, name);
  if (DsaPointerIsValid(old)) {
    give_back(shared_, database_, old_size);
    if (old_size > size_) ++shared_.root->memory_freed;
    pg::release(shared_.area, old);
  }
}

void set_extension_state(shared &s, Oid database, const std::string &extension,
                         model::extension_state state, const std::string &error,
                         const failure_cause *cause) {
  const exclusive lock(s);
  extension_entry *entry = s.extensions.insert(key_of(database, extension));
  const std::string_view text = std::string_view(error).substr(0, sizeof(message_text) - 1);
  const std::string_view whole = text.substr(0, model::whole_length(text));
  const bool is_news = entry->state != state || view(s, entry->error) != whole ||
                       state == model::extension_state::provisioned;
  set_state(s, *entry, state);
  assign_if_possible(s, entry->error, whole);
  if (cause != nullptr) {
    entry->file = cause->file;
    entry->settings = cause->settings;
    entry->ended_process = cause->ended_process;
    entry->lacked_memory = cause->lacked_memory;
    entry->memory_freed = s.root->memory_freed;
  }
  if (state == model::extension_state::provisioned) entry->provisioned_at = GetCurrentTimestamp();
  if (is_news) attend(s, database);
  if (is_news)
    record(s, {model::object_kind::extension, database, extension, extension, model::name_of(state),
               error});
}

std::optional<std::string> fatal_failure(shared &s, Oid database, const std::string &extension,
                                         const failure_cause &cause) {
  const reading lock(s);
  const extension_entry *entry = find_extension(s, database, extension);
  const bool is_it = entry != nullptr && entry->state == model::extension_state::failed &&
                     entry->ended_process && entry->file == cause.file &&
                     entry->settings == cause.settings;
  return is_it ? std::optional(std::string(view(s, entry->error))) : std::nullopt;
}

std::vector<failed_extension> failed_extensions(shared &s) {
  std::vector<failed_extension> result;
  const reading lock(s);
  if (s.root->failed == 0) return result;
  for (const extension_entry *entry : s.extensions.entries()) {
    if (entry->state != model::extension_state::failed) continue;
    const auto registered = registrations_of(s, entry->key.database);
    const model::extension *e =
        registered ? registered->find_extension(entry->key.extension.str()) : nullptr;
    if (e != nullptr)
      result.push_back({entry->key.database,
                        e->name,
                        e->library,
                        {entry->file, entry->settings, entry->ended_process, entry->lacked_memory},
                        entry->lacked_memory && entry->memory_freed != s.root->memory_freed});
  }
  return result;
}

namespace {
void retry_locked(const shared &s, extension_entry &entry) {
  set_state(s, entry, model::extension_state::pending);
  clear(s, entry.error);
  // also when a visit is under way: it may have been at this extension already
  s.databases.insert({entry.key.database})->visited = false;
}
}  // namespace

void retry_extension(shared &s, Oid database, const std::string &extension) {
  const exclusive lock(s);
  extension_entry *entry = s.extensions.find(key_of(database, extension));
  if (entry != nullptr && entry->state == model::extension_state::failed) retry_locked(s, *entry);
}

void retry_with(shared &s, Oid database, const std::string &extension, uint64 digest) {
  const exclusive lock(s);
  extension_entry *entry = s.extensions.find(key_of(database, extension));
  if (entry == nullptr || entry->state != model::extension_state::failed) return;
  if (std::exchange(entry->tried_for, digest) != digest) entry->tries = 0;
  if (entry->tries++ < 2) retry_locked(s, *entry);
}

namespace {
// -1 where there is none.
int limit_of(const std::optional<std::string> &setting, bool *is_set) {
  int value = -1;
  const char *text = setting ? setting->c_str() : nullptr;
  *is_set =
      text != nullptr && pg::call([text, &value] { return parse_int(text, &value, 0, nullptr); });
  return value;
}
}  // namespace

void set_worker_limit(shared &s, Oid database, const std::optional<std::string> &setting) {
  bool is_set = false;
  const int value = limit_of(setting, &is_set);
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  if (entry->has_worker_limit != is_set || entry->worker_limit != value) attend(s, database);
  entry->has_worker_limit = is_set;
  entry->worker_limit = value;
}

bool is_worker_limit(const shared &s, Oid database, const std::optional<std::string> &setting) {
  bool is_set = false;
  const int value = limit_of(setting, &is_set);
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry == nullptr ||
         (entry->has_worker_limit == is_set && (!is_set || entry->worker_limit == value));
}

void prepare_extension_state(shared &s, Oid database, const std::string &extension) {
  const exclusive lock(s);
  (void)s.extensions.insert(key_of(database, extension));
}

namespace {
void keep_states_locked(const shared &s, Oid database, const model::registrations &wanted) {
  std::vector<extension_key> unwanted;
  for (const extension_entry *entry : s.extensions.of(database))
    if (wanted.find_extension(entry->key.extension.str()) == nullptr)
      unwanted.push_back(entry->key);
  for (const extension_key &key : unwanted) {
    extension_entry *entry = s.extensions.find(key);
    // a state that was only made room for is nothing that anybody has seen
    if (entry != nullptr && entry->state != model::extension_state::pending)
      record(s, {model::object_kind::extension, database, key.extension.view(),
                 key.extension.view(), "removed"});
    if (entry != nullptr) {
      clear(s, entry->error);
      set_state(s, *entry, model::extension_state::pending);
    }
    s.extensions.erase(key);
  }
}
}  // namespace

void keep_extension_states(shared &s, Oid database, const model::registrations &wanted) {
  const exclusive lock(s);
  keep_states_locked(s, database, wanted);
}

void forget_unpublished_states(shared &s, Oid database) {
  const exclusive lock(s);
  model::registrations kept;
  if (const auto registered = registrations_of(s, database)) kept = *registered;
  // what has ended this process: the next one is to know
  for (const extension_entry *entry : s.extensions.of(database))
    if (entry->ended_process) kept.extensions.emplace_back().name = entry->key.extension.str();
  keep_states_locked(s, database, kept);
}

std::vector<model::live_extension> extension_states(const shared &s,
                                                    std::span<const Oid> databases) {
  std::vector<model::live_extension> result;
  for (const Oid database : databases)
    for (const extension_entry *entry : s.extensions.of(database))
      result.push_back({database, entry->key.extension.str(), entry->state});
  overlay_quarantine(s, result);
  return result;
}

const extension_entry *find_extension(const shared &s, Oid database, const std::string &extension) {
  return s.extensions.find(key_of(database, extension));
}

database_identity current_database_identity() {
  return {pg::database_mark(), pg::database_row(MyDatabaseId)};
}

void note_database_identity(shared &s, Oid database, const database_identity &now) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr || !entry->present) return;
  entry->mark.assign(now.mark);
  entry->row = now.row;
}

bool may_be_another(const shared &s, Oid database) {
  uint32 known = 0;
  {
    const reading lock(s);
    if (const database_entry *entry = s.databases.find({database})) known = entry->row;
  }
  if (known == 0) return false;
  pg::begin_transaction();
  const uint32 now = pg::database_row(database);
  pg::commit_transaction();
  return now != known;
}

bool is_known(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->present;
}

bool is_provisioned(const shared &s, Oid database) {
  const reading lock(s);
  const database_entry *entry = s.databases.find({database});
  return entry != nullptr && entry->provisioned && entry->prepared_count == 0;
}

void set_provisioned(shared &s, Oid database) {
  const exclusive lock(s);
  database_entry *entry = s.databases.insert({database});
  entry->provisioned = true;
  attend(s, database);
  entry->visits_failed = 0;
  entry->visit_after = {};
}

bool want_visit(shared &s, Oid database) {
  const exclusive lock(s);
  database_entry *entry = s.databases.insert({database});
  const bool is_own = s.root->launcher == MyProcPid;
  // Others know of something that a visit under way may have overlooked.  The launcher decides
  // anew when that has ended.
  if (is_own && (!entry->visited || !entry->provisioned)) return false;
  entry->visited = false;
  // the launcher itself looks at it next time, not at once again
  if (s.root->launcher_latch != nullptr && !is_own) SetLatch(s.root->launcher_latch);
  return true;
}

void watch_prepared(shared &s, Oid database, TransactionId xid) {
  const exclusive lock(s);
  database_entry *entry = s.databases.insert({database});
  TransactionId *end = entry->prepared + entry->prepared_count;
  if (std::find(entry->prepared, end, xid) != end) return;
  if (entry->prepared_count == std::size(entry->prepared)) {
    entry->prepared_overflow = true;
    return;
  }
  *end = xid;
  ++entry->prepared_count;
}

std::vector<std::pair<Oid, TransactionId>> watched_prepared(const shared &s) {
  std::vector<std::pair<Oid, TransactionId>> result;
  const reading lock(s);
  for (const database_entry *entry : s.databases.entries())
    for (uint32 i = 0; i < entry->prepared_count; ++i)
      result.emplace_back(entry->key.database, entry->prepared[i]);
  return result;
}

void end_prepared(shared &s, Oid database, TransactionId xid) {
  const exclusive lock(s);
  database_entry *entry = s.databases.find({database});
  if (entry == nullptr) return;
  TransactionId *end = entry->prepared + entry->prepared_count;
  TransactionId *rest = std::remove(entry->prepared, end, xid);
  entry->prepared_count = static_cast<uint32>(rest - entry->prepared);
  // the visit finds those that did not fit
  entry->prepared_overflow = false;
  entry->visited = false;
}

}  // namespace dynpgext::state
