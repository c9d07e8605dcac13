#include "shared/extension_states.h"

#include "model/text.h"
#include "shared/attention.h"
#include "shared/events.h"
#include "shared/publication.h"
#include "shared/text.h"

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
  if (entry.state != state) entry.since = pg::moment::now();
  entry.state = state;
}

void retry_locked(const shared &s, extension_entry &entry) {
  set_state(s, entry, model::extension_state::pending);
  clear(s, entry.error);
  // also during a visit: the visit may already have handled this extension
  s.databases.insert({entry.key.database})->visited = false;
}

void keep_states_locked(const shared &s, Oid database, const model::registrations &wanted) {
  std::vector<extension_key> unwanted;
  for (const extension_entry *entry : s.extensions.of(database))
    if (wanted.find_extension(entry->key.extension.str()) == nullptr)
      unwanted.push_back(entry->key);
  for (const extension_key &key : unwanted) {
    extension_entry *entry = s.extensions.find(key);
    // a state that only reserves room has not been seen by anybody
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
    entry->had_no_room = cause->had_no_room;
    entry->memory_freed = s.root->memory_freed;
  }
  if (state == model::extension_state::provisioned) {
    entry->provisioned_at = GetCurrentTimestamp();
    entry->had_no_room = false;
  }
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
                        {entry->file, entry->settings, entry->ended_process, entry->lacked_memory,
                         entry->had_no_room},
                        entry->lacked_memory && entry->memory_freed != s.root->memory_freed});
  }
  return result;
}

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

std::set<std::string> extensions_without_room(const shared &s, Oid database) {
  std::set<std::string> names;
  const reading lock(s);
  for (const extension_entry *entry : s.extensions.of(database))
    if (entry->had_no_room) names.insert(entry->key.extension.str());
  return names;
}

void prepare_extension_state(shared &s, Oid database, const std::string &extension) {
  const exclusive lock(s);
  (void)s.extensions.insert(key_of(database, extension));
}

void keep_extension_states(shared &s, Oid database, const model::registrations &wanted) {
  const exclusive lock(s);
  keep_states_locked(s, database, wanted);
}

void forget_unpublished_states(shared &s, Oid database) {
  const exclusive lock(s);
  model::registrations kept;
  if (const auto registered = registrations_of(s, database)) kept = *registered;
  // the reason why this process ends, for the next visit
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
  return result;
}

const extension_entry *find_extension(const shared &s, Oid database, const std::string &extension) {
  return s.extensions.find(key_of(database, extension));
}

}  // namespace dynpgext::state
