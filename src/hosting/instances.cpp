#include "hosting/instances.h"

#include "guard/quarantine.h"
#include "hosting/session_list.h"
#include "hosting/transaction.h"
#include "hosting/window.h"
#include "pg/process.h"
#include "pg/settings.h"
#include "pg/wait_event.h"
#include "pg/worker.h"
#include "shared/attention.h"
#include "shared/runners.h"
#include "shared/text.h"

namespace dynpgext::hosting {
namespace {

// A keeper that has not started within this time is requested again.
constexpr std::chrono::seconds keeper_patience(10);
// A slot may become free within this time, without an SQL runner that gives its own away.
constexpr std::chrono::milliseconds slot_patience(200);
// Within this time, the slot of an SQL runner that gives it away is free.
constexpr std::chrono::seconds runner_patience(1);
// After this time without a slot, the log has a message.
constexpr std::chrono::seconds silent_wait(5);

// Would a process of some database have both?
bool overlap(const instance &i, Oid database) {
  return !OidIsValid(i.database) || !OidIsValid(database) || i.database == database;
}

[[noreturn]] void refuse_twice(const catalog::hosted_row &row) {
  throw pg::error(
      ERRCODE_DUPLICATE_OBJECT, "library \"" + row.library + "\" is hosted already",
      "It is hosted for the whole server, or for a database, by another database or by a "
      "transaction that has not ended.",
      "SELECT * FROM dynpgext.hosted shows where.");
}

}  // namespace

int32 next_position(state::shared &s) {
  block &b = require_block(s);
  const state::reading lock(s);
  const std::vector<const instance *> all = in_order(b);
  return all.empty() ? 1 : all.back()->position + 1;
}

bool is_served(state::shared &s, const catalog::hosted_row &row) {
  block *b = find_block(s);
  if (b == nullptr) return false;
  const Oid database = row.is_global ? InvalidOid : MyDatabaseId;
  const state::reading lock(s);
  return std::any_of(std::begin(b->instances), std::end(b->instances), [&](const instance &i) {
    return i.state != instance_state::none && i.state != instance_state::leaving &&
           i.library.view() == row.library && overlap(i, database);
  });
}

uint64 claim(state::shared &s, const catalog::hosted_row &row, pid_t owner, uint64 replaced) {
  block &b = require_block(s);
  const Oid database = row.is_global ? InvalidOid : MyDatabaseId;
  const state::exclusive lock(s);
  instance *place = nullptr;
  for (instance &i : b.instances) {
    if (i.state == instance_state::none) {
      if (place == nullptr) place = &i;
    } else if (i.state != instance_state::leaving && i.library.view() == row.library &&
               overlap(i, database) && i.number != replaced && !is_unhosted(i.number)) {
      refuse_twice(row);
    }
  }
  if (place == nullptr)
    throw pg::error(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                    "no more than " + std::to_string(most_instances) + " libraries can be hosted",
                    {}, "Those that were unhosted count as long as a session has them.");
  state::assign(s, place->settings, row.settings);
  place->number = b.next_number++;
  place->sessions = row.sessions;
  place->database = database;
  place->source = MyDatabaseId;
  place->library.assign(row.library);
  place->position = row.position;
  place->owner = owner;
  place->keeper = 0;
  place->keeper_was_up = false;
  place->makes_way = place->was_known = false;
  place->asked_at = {};
  place->attached = 0;
  place->memory = DSM_HANDLE_INVALID;
  place->size = place->requested = 0;
  place->address = first_window + window_distance * static_cast<uint64>(place - b.instances);
  place->file = {};
  place->hosted_at = 0;
  place->error.assign({});
  place->static_workers = 0;
  place->sqlstate = 0;
  pg_atomic_write_u32(&place->dynamic_workers, 0);
  pg_atomic_write_u64(&place->used, 0);
  // the slot of a replaced one's keeper becomes free: not for a worker
  const bool has_priority = owner == 0 || replaced != 0;
  place->keeper_slot = has_priority ? slot_state::wanted : slot_state::none;
  if (has_priority) b.slots_are_kept = true;
  place->state = instance_state::asked;
  return place->number;
}

bool ask_for_keeper(state::shared &s, uint64 number, BackgroundWorkerHandle **handle) {
  block &b = require_block(s);
  const auto status = status_of(s, number);
  if (!status) return true;
  const bool must_not_run =
      pg::settings::safe_mode() || state::is_quarantined(s, status->database, status->library);
  const std::string name = "dynpgext keeper of " + status->library;
  {
    const state::exclusive lock(s);
    instance *i = find_instance(b, number);
    if (i == nullptr) return true;
    // one that was given a slot and did not start gets no other one before workers
    const bool is_wanted = !must_not_run && i->keeper_slot == slot_state::wanted;
    i->keeper_slot = is_wanted ? slot_state::given : slot_state::none;
    if (must_not_run) return true;
    i->asked_at = pg::moment::now();
    i->keeper_was_up = false;
  }
  if (pg::start_process({.name = name.c_str(),
                         .type = "dynpgext keeper",
                         .function = keeper_function,
                         .argument = UInt64GetDatum(number)},
                        handle))
    return true;
  const state::exclusive lock(s);
  instance *i = find_instance(b, number);
  if (i != nullptr && i->owner == 0) i->keeper_slot = slot_state::wanted;
  return false;
}

namespace {

// After databases have been read: is there one whose rows may host libraries, and will be read
// soon? Not for longer than sessions wait.
bool are_rows_unread(const state::shared &s, const block &b) {
  static constinit pg::moment end{};  // of the wait
  const pg::moment now = pg::moment::now();
  if (!is_any_to_follow(s, b)) {
    end = {};
  } else if (!end.is_set()) {
    const std::chrono::milliseconds wait(pg::settings::hosting_wait_milliseconds());
    end = now + std::max<pg::duration>(wait, keeper_patience);
  }
  return now < end;
}

// Without a keeper only for lack of a slot, as far as is known.  A keeper that has got one and does
// not start keeps nobody waiting.
bool needs_slot(const instance &i, pg::moment now) {
  const bool is_wanted = i.state == instance_state::asked || i.state == instance_state::hosted;
  if (!is_wanted || i.keeper != 0 || i.makes_way) return false;
  return i.keeper_slot == slot_state::wanted ||
         (i.keeper_slot == slot_state::given && now - i.asked_at < keeper_patience);
}

// Keepers that have found no slot.
struct hunger {
  pg::moment since{};         // none: there are none
  pg::moment next_request{};  // of slots of SQL runners
  bool is_reported = false;
};

void report_hunger(const std::vector<std::string> &libraries) {
  std::string names;
  for (const std::string &library : libraries)
    names += (names.empty() ? "\"" : ", \"") + library + "\"";
  pg::log(WARNING, "no free slot for the keepers of hosted libraries: " + names,
          "No worker starts before they have slots. Consider increasing max_worker_processes.");
}

void keep_slots(const state::shared &s, block &b, bool rows_unread) {
  static constinit hunger here{};
  const pg::moment now = pg::moment::now();
  bool kept = rows_unread;
  std::vector<std::string> lacking;
  {
    const state::exclusive lock(s);
    for (const instance &i : b.instances) {
      if (!needs_slot(i, now)) continue;
      kept = true;
      if (i.keeper_slot == slot_state::wanted && i.owner == 0) lacking.push_back(i.library.str());
    }
    if (std::exchange(b.slots_are_kept, kept) && !kept) state::attend_waiting(s);
    if (lacking.empty()) {
      b.slots_lacking = 0;
      here = {};
      return;
    }
    if (!here.since.is_set()) here = {now, now + slot_patience, false};
    if (here.next_request <= now) {
      here.next_request = now + runner_patience;
      b.slots_lacking = static_cast<uint32>(lacking.size());
      for (const state::runner_entry *entry : s.runners.entries())
        if (state::is_in_office(*entry)) pg::nudge_process(entry->pid);
    }
  }
  if (here.is_reported || now - here.since < silent_wait) return;
  here.is_reported = true;
  report_hunger(lacking);
}

}  // namespace

bool are_slots_kept(const state::shared &s) {
  const block *b = known_block(s);
  return b != nullptr && b->slots_are_kept;
}

bool gives_slot_to_keeper() {
  state::shared &s = state::attach();
  block *b = find_block(s);
  if (b == nullptr || static_cast<volatile uint32 &>(b->slots_lacking) == 0) return false;
  const state::exclusive lock(s);
  if (b->slots_lacking == 0) return false;
  --b->slots_lacking;
  return true;
}

bool keep_keepers(state::shared &s) {
  if (!listed_databases().empty())
    (void)pg::swallow("preparing for hosted libraries", [&s] { (void)require_block(s); });
  block *b = find_block(s);
  if (b == nullptr) return false;
  follow_unlocked_databases(s);
  visit_for_dropped_databases(s);
  const bool rows_unread = are_rows_unread(s, *b);
  std::vector<uint64> missing;
  std::vector<uint64> orphans;
  bool is_any = false;
  {
    const state::exclusive lock(s);
    b->databases_known = true;
    const pg::moment now = pg::moment::now();
    for (instance &i : b->instances) {
      if (i.state == instance_state::none) continue;
      is_any = true;
      if (i.state == instance_state::leaving || i.makes_way) continue;
      // a commit may be about to publish that the database has dynpgext
      const bool is_late = !i.asked_at.is_set() || now - i.asked_at >= keeper_patience;
      const state::database_entry *source = s.databases.find({i.source});
      const bool is_known = source != nullptr && (source->present || !source->provisioned);
      if (i.owner == 0 && !is_known) {
        if (is_late || i.was_known) orphans.push_back(i.number);
        continue;
      }
      if (i.owner == 0) i.was_known = true;
      if (i.keeper != 0 && !pg::process_exists(i.keeper)) i.keeper = 0;
      if (i.owner == 0 && i.keeper == 0 && i.state != instance_state::failed &&
          (is_late || i.keeper_was_up || i.keeper_slot == slot_state::wanted))
        missing.push_back(i.number);
    }
  }
  for (const uint64 number : orphans) leave(s, number);
  if (!orphans.empty()) follow_again(s);
  for (const uint64 number : missing)
    if (!ask_for_keeper(s, number)) break;  // tried again later
  keep_slots(s, *b, rows_unread);
  return is_any || rows_unread;
}

void end_keeper(state::shared &s, uint64 number) {
  block &b = require_block(s);
  pid_t keeper = 0;
  {
    const state::exclusive lock(s);
    instance *i = find_instance(b, number);
    if (i == nullptr) return;
    i->makes_way = true;
    keeper = i->keeper;
  }
  if (keeper == 0) return;
  pg::terminate_process(keeper);
  const pg::moment end = pg::moment::now() + keeper_patience;
  while (pg::process_exists(keeper) && pg::milliseconds_until(end) > 0)
    (void)pg::wait_for_latch(10, pg::wait::hosting);
}

std::vector<uint64> committed_instances(state::shared &s, Oid source) {
  std::vector<uint64> found;
  block *b = find_block(s);
  if (b == nullptr) return found;
  const state::reading lock(s);
  for (const instance *i : in_order(*b))
    if (i->source == source && i->owner == 0 && !i->makes_way) found.push_back(i->number);
  return found;
}

std::optional<instance_status> status_of(state::shared &s, uint64 number) {
  block &b = require_block(s);
  const state::reading lock(s);
  const instance *i = find_instance(b, number);
  if (i == nullptr) return std::nullopt;
  return instance_status{i->state, i->error.str(), i->sqlstate, i->library.str(), i->database};
}

std::optional<instance_status> await(state::shared &s, uint64 number, long milliseconds) {
  const pg::moment end = pg::moment::now() + std::chrono::milliseconds(milliseconds);
  for (;;) {
    auto status = status_of(s, number);
    if (!status || status->state != instance_state::asked) return status;
    const long left = milliseconds < 0 ? 100 : pg::milliseconds_until(end);
    if (left <= 0) return status;
    const uint32 event = pg::wait_event(pg::wait::hosting);
    pg::call([&s] { ConditionVariablePrepareToSleep(&s.root->changed); });
    status = status_of(s, number);
    const bool is_over = !status || status->state != instance_state::asked;
    pg::call([&s, is_over, left, event] {
      if (!is_over)
        (void)ConditionVariableTimedSleep(&s.root->changed, std::min(left, 100L), event);
      ConditionVariableCancelSleep();
    });
  }
}

}  // namespace dynpgext::hosting
