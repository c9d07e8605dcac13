#include "workers/launch.h"

#include <map>

#include "guard/quarantine.h"
#include "pg/database_mark.h"
#include "pg/fault.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "pg/worker.h"
#include "shared/access.h"
#include "shared/attention.h"
#include "shared/databases.h"
#include "workers/extension_code.h"
#include "workers/places.h"
#include "workers/runner.h"

namespace dynpgext::state {
namespace {

struct callback_entry {
  worker_callback function;
  void *data;
};
using callback_key = std::tuple<Oid, std::string, std::string>;

std::map<callback_key, callback_entry> &callbacks() {
  static auto *const map = new std::map<callback_key, callback_entry>;
  return *map;
}

callback_key key_for(const worker_identity &id) { return {id.home, id.extension, id.name}; }

bool runs(const shared &s, const worker_identity &id) {
  const auto status = status_of(s, id);
  return status && has_process(*status);
}

// The worker stays started whatever the callback does.  If the callback raises an error, only its
// own changes in a transaction are rolled back.
void run_callback(const worker_start &start, BackgroundWorkerHandle *handle) {
  const auto found = callbacks().find(key_for(start.id));
  if (!start.definition.has_callback || found == callbacks().end()) return;
  extension_code code(start.id.extension, {});
  const callback_entry callback = found->second;
  (void)pg::tolerate(
      "running the callback of a background worker",
      [&] { code.run([&] { pg::call([=] { callback.function(handle, callback.data); }); }); },
      "The worker has been started all the same.");
}

// Workers that wait for the same reason: the first one, and the number of others.
struct wait_count {
  worker_identity first;
  size_t others = 0;
};
using wait_counts = std::map<waiting_for, wait_count>;

void warn_of_wait(const wait_count &count, waiting_for what) {
  const std::string setting = name_of(what);
  const std::string hint = ". Consider increasing " + setting + ".";
  const bool is_one = count.others == 0;
  const std::string more = is_one ? "" : " and " + std::to_string(count.others) + " more";
  const std::string who = name_of(count.first) + more;
  if (what == waiting_for::slot)
    pg::log(WARNING, "no free slot for " + who + ": " + setting + " is reached",
            (is_one ? "It starts as soon as one is free" : "Each starts as soon as one is free") +
                hint);
  else
    pg::log(WARNING, who + (is_one ? " has" : " have") + " to wait: " + setting + " is reached",
            (is_one ? "It starts" : "Each starts") +
                std::string(" as soon as another worker has ended") + hint);
}

// If several workers of a database are started: collects the waits, for one line per reason.
constinit wait_counts *counting = nullptr;

void note_wait(const worker_identity &id, waiting_for what) {
  if (counting == nullptr) return warn_of_wait({id}, what);
  const auto [found, is_new] = counting->try_emplace(what, wait_count{id});
  if (!is_new) ++found->second.others;
}

class counted_waits {
 public:
  counted_waits() { counting = &counts_; }
  counted_waits(const counted_waits &) = delete;
  counted_waits &operator=(const counted_waits &) = delete;
  ~counted_waits() { counting = nullptr; }

  void report() const {
    for (const auto &[what, count] : counts_) warn_of_wait(count, what);
  }

 private:
  wait_counts counts_;
};

// False if no slot is free.
bool ask_for_process(const worker_start &start, BackgroundWorkerHandle **handle) {
  launch_message message{start.ticket, start.id.home, start.list, {}};
  message.extension.assign(start.id.extension);
  const model::worker &definition = start.definition;
  pg::worker_request request{.name = definition.name.c_str(),
                             .type = definition.type.c_str(),
                             .function = worker_entry_point};
  request.argument = OidIsValid(start.id.home) ? ObjectIdGetDatum(start.id.home)
                                               : static_cast<Datum>(definition.argument);
  request.flags = static_cast<int>(definition.flags);
  request.start = static_cast<BgWorkerStartTime>(definition.start);
  request.notify = definition.notify ? MyProcPid : 0;
  request.extra = {reinterpret_cast<const char *>(&message), sizeof message};
  // Without the callback here, nobody would free the handle.
  const bool is_called = definition.has_callback && can_launch(start.id, definition);
  return pg::start_process(request, is_called ? handle : nullptr);
}

// Carries out the actions of a decision, one by one.
class executor {
 public:
  executor(shared &s, bool no_slots) : shared_(s), no_slots_(no_slots) {}

  void carry_out(const model::action &action, const worker_identity &id,
                 const model::wanted_worker &want) {
    switch (action.kind) {
      case model::action_kind::disable: set_aside(shared_, id, want, after_end::disable); break;
      case model::action_kind::quarantine:
        set_aside(shared_, id, want, after_end::quarantine);
        break;
      case model::action_kind::configure: configure(shared_, id, want); break;
      case model::action_kind::postpone:
        if (runs(shared_, id))
          (void)stop(shared_, id, after_end::renew, action.ticket);
        else
          postpone(shared_, id, want);
        break;
      case model::action_kind::replace:
        if (runs(shared_, id)) {
          (void)stop(shared_, id, after_end::renew, action.ticket);
          break;
        }
        start(id, want, action.ticket);
        break;
      case model::action_kind::start: start(id, want, action.ticket); break;
      default: break;
    }
    has_tried_ = true;
  }
  // The action could not change anything.
  [[nodiscard]] bool is_in_vain(const model::action &action, const worker_identity &id,
                                const model::wanted_worker &want) const {
    return action.waits && waits_in_vain(shared_, id, want, no_slots_);
  }
  [[nodiscard]] bool has_tried() const { return has_tried_; }
  [[nodiscard]] bool wants_visit() const { return wants_visit_; }
  [[nodiscard]] bool found_no_slots() const { return no_slots_; }

 private:
  void start(const worker_identity &id, const model::wanted_worker &want, uint64 decided_on) {
    if (is_elsewhere(id, want) && !may_start_elsewhere(want.source)) return;
    // Crowded out: a worker without its callback is better than none.  Held: a visit could not
    // start it either.
    if (can_launch(id, *want.definition) || is_crowded_out(shared_, id) || is_held(shared_, id)) {
      // after one start without a free slot, the next would find none either
      const launch_result result = launch(shared_, id, want, no_slots_, decided_on);
      if (result == launch_result::no_slot) no_slots_ = true;
    } else {
      if (want_visit(shared_, want.source)) wants_visit_ = true;
    }
  }

  // Will its process be connected to another database than this process?
  [[nodiscard]] static bool is_elsewhere(const worker_identity &id,
                                         const model::wanted_worker &want) {
    return want.source != MyDatabaseId && (want.definition->hosted || OidIsValid(id.home));
  }
  // Only the launcher can check which database this OID means now; a commit cannot.
  bool may_start_elsewhere(Oid database) {
    if (OidIsValid(MyDatabaseId)) {
      const exclusive lock(shared_);
      attend(shared_, database);
      return false;
    }
    {
      const reading lock(shared_);
      if (is_unreachable(shared_, database)) return true;  // the claim will hold it back
    }
    if (!may_be_another(shared_, database)) return true;
    if (want_visit(shared_, database)) wants_visit_ = true;
    return false;
  }

  shared &shared_;
  bool no_slots_;
  bool wants_visit_ = false;
  bool has_tried_ = false;
};

}  // namespace

void remember_callback(const worker_identity &id, worker_callback callback, void *data) {
  callbacks()[key_for(id)] = {callback, data};
}

bool can_launch(const worker_identity &id, const model::worker &definition) {
  return !definition.has_callback || callbacks().count(key_for(id)) != 0;
}

launch_result launch(shared &s, const worker_identity &id, const model::wanted_worker &wanted,
                     bool no_slots, const std::optional<uint64> &decided_on) {
  if (pg::settings::safe_mode() || wanted.in_restore ||
      !model::runs_here(*wanted.definition, circumstances(false))) {
    postpone(s, id, wanted);
    return launch_result::not_startable;
  }
  const std::optional<worker_start> start = claim_start(s, id, wanted, decided_on);
  if (!start) return launch_result::not_startable;
  const bool is_full = start->full != waiting_for::nothing;
  BackgroundWorkerHandle *handle = nullptr;
  bool asked = false;
  try {
    DYNPGEXT_FAULT_POINT("launch.claimed");
    if (!is_full)
      asked = wanted.definition->hosted
                  ? ask_for_runner(s, runner_of(*wanted.definition, wanted.source), id, no_slots)
                  : !no_slots && ask_for_process(*start, &handle);
  } catch (...) {
    give_back(s, *start);
    throw;
  }
  if (!is_full && !asked) {
    report_no_slot(s, *start, is_visit() && !no_slots);
  } else if (!is_full) {
    DYNPGEXT_FAULT_POINT("launch.asked");
    run_callback(*start, handle);
    return launch_result::started;
  }
  // No warning for SQL workers that rest between runs, or that max_runners or max_own_processes
  // hold back: these take turns.  Nor for slots kept for other processes: their lack of slots is
  // reported instead.
  const bool is_quiet = start->resumes || start->full == waiting_for::max_runners ||
                        start->full == waiting_for::max_own_processes ||
                        start->full == waiting_for::slot;
  if (!start->was_waiting && !is_quiet) note_wait(id, is_full ? start->full : waiting_for::slot);
  return !is_full ? launch_result::no_slot : launch_result::no_place;
}

std::optional<head_start> start_ahead(shared &s, const worker_identity &id,
                                      const model::wanted_worker &wanted) {
  // a hosted worker's process cannot wait for a commit
  if (pg::settings::safe_mode() || wanted.definition->hosted || !can_launch(id, *wanted.definition))
    return std::nullopt;
  const std::optional<worker_start> start = claim_ahead(s, id, wanted);
  if (!start) return std::nullopt;
  head_start h{*start};
  try {
    if (ask_for_process(*start, &h.handle)) return h;
  } catch (...) {
    call_off(s, *start);
    throw;
  }
  call_off(s, *start);  // the commit tries again, and warns if there is no slot
  return std::nullopt;
}

void let_start(shared &s, const head_start &h) {
  let_go(s, h.start);
  run_callback(h.start, h.handle);
}

outcome carry_out(shared &s, const decision &d, const turn &turn) {
  const auto is_worker = [](const model::action &a) {
    return a.object == model::object_kind::worker;
  };
  outcome result{.no_slots = turn.no_slots};
  if (std::none_of(d.actions.begin(), d.actions.end(), is_worker)) return result;
  if (!IsUnderPostmaster) return result;  // single-user mode: nobody could start them
  const std::vector<model::wanted_worker> wanted =
      model::wanted_workers(d.seen.desired, d.seen.live);
  executor run(s, turn.no_slots);
  const counted_waits waits;
  result.has_tried = std::any_of(d.actions.begin(), d.actions.end(), [](const model::action &a) {
    return a.kind == model::action_kind::stop;
  });
  for (const model::action &action : d.actions) {
    if (!is_worker(action)) continue;
    pg::serve_interrupts();  // there may be thousands of actions, and commands may wait for all
                             // processes
    const worker_identity id{action.home, action.extension, action.name};
    const model::wanted_worker *want = model::find_wanted(wanted, id.home, id.extension, id.name);
    // workers that wait in vain must not use up the turn: the next turn would get no further
    if (want != nullptr && run.is_in_vain(action, id, *want)) continue;
    if (turn.end.is_set() && turn.end <= pg::moment::now()) {
      result.is_over = false;
      break;
    }
    if (action.kind == model::action_kind::stop) {
      (void)stop(s, id, after_end::vanish, action.ticket);
    } else if (want != nullptr) {
      run.carry_out(action, id, *want);
    }
  }
  waits.report();
  result.no_slots = run.found_no_slots();
  result.wants_visit = run.wants_visit();
  result.has_tried = result.has_tried || run.has_tried();
  return result;
}

}  // namespace dynpgext::state
