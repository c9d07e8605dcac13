#include "provisioning/transaction.h"

#include <map>
#include <memory>

#include "catalog/store.h"
#include "pg/announcement.h"
#include "pg/command_end.h"
#include "pg/database_mark.h"
#include "pg/fault.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/running.h"
#include "pg/session_look.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "pg/unheard.h"
#include "provisioning/capture.h"
#include "provisioning/database.h"
#include "provisioning/extension.h"
#include "provisioning/restore.h"
#include "provisioning/session.h"
#include "provisioning/wanted.h"
#include "state/attachments.h"
#include "state/claims.h"
#include "state/comparisons.h"
#include "state/databases.h"
#include "state/extension_commands.h"
#include "state/launch.h"
#include "state/places.h"
#include "state/provisioning_lock.h"
#include "state/quarantine.h"

namespace dynpgext::provisioning {
namespace {

struct note {
  model::extension_state state;
  std::string error;
};

struct transaction {
  std::vector<state::hold> holds;
  std::vector<SubTransactionId> hold_levels;  // of the same index in `holds`
  bool touched = false;
  bool drop_suspected = false;
  bool arrives = false;                 // dynpgext comes to the database
  bool source_trusted = false;          // of rows that SQL writes
  bool wants_visit = false;             // rows were written that a visit is to follow
  bool memory_given_back = false;       // by a subtransaction that was rolled back
  std::optional<catalog::store> store;  // that the changes went through
  std::map<std::string, note> notes;
  std::vector<std::string> dropped;
  // a superuser has: who else drops and creates extensions must not get around the crash guard
  bool drops_forget = false;
  std::optional<std::string> retry;  // failed workers of this extension; empty: of all
  // from PRE_COMMIT to COMMIT
  std::vector<pg::virtual_transaction> older;  // that were under way, when dynpgext comes
  TransactionId next_id = InvalidTransactionId;
  std::unique_ptr<state::publication> publication;
  std::optional<std::string> worker_limit;
  std::vector<state::worker_identity> prepared;
  std::vector<state::head_start> head_starts;

  [[nodiscard]] bool is_idle() const { return holds.empty() && !touched && !drop_suspected; }
};

transaction &mine() {
  static auto *const t = new transaction;
  return *t;
}

void end_holds(transaction &t, void (*end)(state::shared &, std::span<const state::hold>)) {
  if (t.holds.empty()) return;
  end(state::attach(), t.holds);
  t.holds.clear();
  t.hold_levels.clear();
}

void forget(transaction &t) noexcept {
  (void)pg::swallow("ending a transaction", [&t] {
    if (t.touched) state::bypass_cache(false);
    t.touched = t.drop_suspected = t.arrives = t.wants_visit = t.memory_given_back = false;
    t.source_trusted = false;
    t.older.clear();
    t.store.reset();
    t.notes.clear();
    t.dropped.clear();
    t.drops_forget = false;
    t.retry.reset();
    t.publication.reset();
    t.worker_limit.reset();
    t.prepared.clear();
    // none is left unless the commit could not be carried out; the launcher starts them then
    for (const state::head_start &h : t.head_starts) state::call_off(*state::attached(), h.start);
    t.head_starts.clear();
  });
}

using drop_follower = void (*)();
constinit drop_follower follow_drop = nullptr;

// dynpgext is gone from the database: everything it had provisioned goes, too.
void finish_all(state::shared &s) {
  model::registrations published;
  {
    const state::reading lock(s);
    if (const auto known = state::registrations_of(s, MyDatabaseId)) published = *known;
  }
  for (const model::extension &e : published.extensions) fini_if_possible(e, BOOTSTRAP_SUPERUSERID);
}

// A savepoint that was rolled back may have taken memory with it that is wanted again: runs
// the inits of extensions that lack some.
void complete_memory(transaction &t, state::shared &s, const catalog::store &store,
                     const model::registrations &wanted) {
  state::picture seen =
      state::look(s, {.database = MyDatabaseId, .instead = &wanted, .own = t.holds});
  overlay_notes(seen.live);
  for (const model::action &a :
       model::reconcile(MyDatabaseId, seen.desired, seen.live, state::circumstances(false)))
    if (a.kind == model::action_kind::provision && t.notes.count(a.extension) != 0)
      provision(store, *wanted.find_extension(a.extension));
}

// Room for what the commit sets, when nothing may fail any more.
void make_room(transaction &t, state::shared &s, const model::registrations &wanted) {
  for (const model::extension &e : wanted.extensions)
    if (t.notes.count(e.name) != 0) state::prepare_extension_state(s, MyDatabaseId, e.name);
  for (const model::worker &w : wanted.workers) {
    if (t.notes.count(w.extension) == 0) continue;
    t.prepared.push_back({model::home_of(w.scope, MyDatabaseId), w.extension, w.name});
    const model::extension *owner = wanted.find_extension(w.extension);
    state::prepare_worker(s, t.prepared.back(), w, owner->version);
  }
}

// Asks for the processes of workers that this commit makes wanted, so that they come up while it
// is written.  They wait for it; an abort calls them off.
void start_ahead(transaction &t, state::shared &s, const model::registrations &wanted) {
  state::picture seen =
      state::look(s, {.database = MyDatabaseId, .instead = &wanted, .memory = false});
  overlay_notes(seen.live);
  model::circumstances now = state::circumstances(false);
  now.workers_only = true;
  const std::vector<model::action> actions =
      model::reconcile(MyDatabaseId, seen.desired, seen.live, now);
  const std::vector<model::wanted_worker> workers = model::wanted_workers(seen.desired, seen.live);
  for (const model::action &a : actions) {
    if (a.kind != model::action_kind::start || t.notes.count(a.extension) == 0) continue;
    const model::wanted_worker *w = model::find_wanted(workers, a.home, a.extension, a.name);
    if (w == nullptr || w->source != MyDatabaseId) continue;
    if (auto h = state::start_ahead(s, {a.home, a.extension, a.name}, *w))
      t.head_starts.push_back(std::move(*h));
  }
}

// Until this transaction has committed, others do not see dynpgext's event triggers, nor does a
// command that has begun by then, and nobody tells what they do to pg_extension.  What is committed
// by now is adopted here.
void before_arrival(transaction &t, const catalog::store &store) {
  t.older = pg::running_transactions();
  t.next_id = pg::next_transaction_id();
  capture(store, false);
}

// For those that were under way then, or are now, the launcher waits before it compares again.  It
// does so at once if others may have begun to write and ended in between.
void after_arrival(transaction &t, state::shared &s) {
  pg::announce_event_triggers();
  const std::vector<pg::virtual_transaction> now = pg::running_transactions();
  t.older.insert(t.older.end(), now.begin(), now.end());
  state::set_compared(s, MyDatabaseId, state::next_comparison(s, MyDatabaseId).number);
  const bool watched = pg::swallow("remembering transactions under way",
                                   [&] { state::watch_older(s, MyDatabaseId, t.older); });
  if (!watched || pg::next_transaction_id() != t.next_id) state::want_comparison(s, MyDatabaseId);
}

void before_commit(transaction &t) {
  if (!t.touched && !t.drop_suspected) return;
  pg::settings::define();
  pg::make_visible();  // what the last command wrote
  // without a lock on its tables, which others may have locked
  if (!t.touched && OidIsValid(pg::extension_oid("dynpgext"))) return;
  const pg::active_snapshot snapshot;
  // its tables are locked since it was opened; only this transaction itself can have dropped them
  const std::optional<catalog::store> store =
      t.drop_suspected || !t.store ? catalog::store::open() : t.store;
  if (store && !t.touched) return;
  state::shared &s = state::attach();
  state::meet_database(s);
  if (!store) {
    if (!t.touched && !state::is_known(s, MyDatabaseId)) return;
    t.touched = true;
    pg::drop_database_mark();
    finish_all(s);
    if (follow_drop != nullptr) follow_drop();
  }
  t.drops_forget = !t.dropped.empty() && pg::is_superuser() && pg::is_client_session();
  t.arrives = t.arrives && store;
  if (t.arrives) before_arrival(t, *store);
  pg::announce(store && state::is_known(s, MyDatabaseId) ? pg::announcement::registrations
                                                         : pg::announcement::presence);
  const bool restores = store && is_restoring();
  if (restores) store->expect_restore();
  state::acquire_provisioning_lock(s, MyDatabaseId);
  model::registrations wanted;
  if (store) {
    if (restores) join_restore(*store, t.arrives);
    wanted = wanted_registrations(*store);
    if (t.memory_given_back) complete_memory(t, s, *store, wanted);
    DYNPGEXT_FAULT_POINT("commit.locked");
    t.worker_limit = read_worker_limit();
    // one that others have set counts for what is started ahead, too
    if (!pg::may_have_written(DbRoleSettingRelationId))
      state::set_worker_limit(s, MyDatabaseId, t.worker_limit);
    state::note_owner(s);
    start_ahead(t, s, wanted);
    DYNPGEXT_FAULT_POINT("commit.started_ahead");
  }
  t.publication = std::make_unique<state::publication>(s, MyDatabaseId, wanted, store.has_value(),
                                                       store ? state::current_database_identity()
                                                             : state::database_identity{});
  make_room(t, s, wanted);
  DYNPGEXT_FAULT_POINT("commit.ready");
}

void after_commit(transaction &t) {
  state::shared &s = state::attach();
  if (t.publication == nullptr) {
    end_holds(t, state::release_holds);
    return;
  }
  {
    const state::exclusive lock(s);
    DYNPGEXT_FAULT_POINT("commit.publishing");
    t.publication->publish();
    DYNPGEXT_FAULT_POINT("commit.published");
  }
  state::set_worker_limit(s, MyDatabaseId, t.worker_limit);
  if (t.arrives) after_arrival(t, s);
  state::publish_holds(s, t.holds);
  for (const auto &[name, n] : t.notes)
    if (t.publication->wanted().find_extension(name) != nullptr)
      state::set_extension_state(s, MyDatabaseId, name, n.state, n.error);
  DYNPGEXT_FAULT_POINT("commit.states_set");
  // not before: until the registrations are published, the launcher would start what was dropped
  state::end_pauses();
  for (const state::head_start &h : t.head_starts) state::let_start(s, h);
  DYNPGEXT_FAULT_POINT("commit.let_start");
  t.head_starts.clear();
  // as early as possible; what is left is housekeeping
  state::decision d =
      state::decide_workers(s, MyDatabaseId, &t.publication->touched(), t.retry.has_value());
  if (t.retry && !t.retry->empty())
    std::erase_if(d.actions, [&t](const model::action &a) {
      return a.kind == model::action_kind::start && a.extension != *t.retry;
    });
  (void)state::carry_out(s, d);
  DYNPGEXT_FAULT_POINT("commit.carried_out");
  end_holds(t, state::release_holds);
  {
    const state::exclusive lock(s);
    state::settle(s, *t.publication);
  }
  state::keep_extension_states(s, MyDatabaseId, t.publication->wanted());
  DYNPGEXT_FAULT_POINT("commit.settled");
  for (const std::string &name : t.dropped)
    if (t.drops_forget && t.publication->wanted().find_extension(name) == nullptr)
      state::forget_crashes(s, MyDatabaseId, name);
  for (const state::worker_identity &id : t.prepared) state::forget_prepared(s, id);
  if (!state::is_provisioned(s, MyDatabaseId)) (void)state::want_visit(s, MyDatabaseId);
  if (!state::ensure_launcher(s))
    pg::log(WARNING, "no free slot for dynpgext's launcher",
            "It starts as soon as dynpgext is used when one is free. Consider increasing "
            "max_worker_processes.");
}

void after_abort(transaction &t) {
  state::abandon_claims();
  if (t.is_idle() || state::attached() == nullptr) return;
  state::shared &s = state::attach();
  for (const state::head_start &h : t.head_starts) state::call_off(s, h.start);
  DYNPGEXT_FAULT_POINT("abort.called_off");
  end_holds(t, state::roll_back_holds);
  for (const state::worker_identity &id : t.prepared) state::forget_prepared(s, id);
  if (t.touched) state::forget_unpublished_states(s, MyDatabaseId);
}

// What its end could not do: nothing stays held, and a visit looks at the rest.
void leave_to_visit(transaction &t, void (*end)(state::shared &, std::span<const state::hold>)) {
  end_holds(t, end);
  state::shared &s = state::attach();
  if (t.publication != nullptr) {
    const state::exclusive lock(s);
    state::settle(s, *t.publication);
  }
  (void)state::want_visit(s, MyDatabaseId);
}

void on_transaction_event(XactEvent event, void *) {
  transaction &t = mine();
  pg::leave_command();
  const bool is_over = event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PARALLEL_PRE_COMMIT &&
                       event != XACT_EVENT_PRE_PREPARE;
  std::optional<pg::unheard> silence;
  if (is_over) silence.emplace();
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      pg::entry([&t] {
        pg::settings::define_postponed();
        before_commit(t);
      });
      break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
      if (t.publication != nullptr || !t.holds.empty())
        if (!pg::swallow("carrying out what was committed", [&t] { after_commit(t); }))
          (void)pg::swallow("making up for it", [&t] { leave_to_visit(t, state::release_holds); });
      if (t.wants_visit)
        (void)pg::swallow("asking for a visit",
                          [] { (void)state::want_visit(state::attach(), MyDatabaseId); });
      forget(t);
      state::forget_provisioner();
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
      if (!pg::swallow("rolling back", [&t] { after_abort(t); }))
        (void)pg::swallow("making up for it", [&t] { leave_to_visit(t, state::roll_back_holds); });
      forget(t);
      state::forget_provisioner();
      break;
    case XACT_EVENT_PRE_PREPARE:
      if (t.touched || t.drop_suspected)
        pg::entry([&t] {
          // it is replayed with COMMIT PREPARED
          pg::announce(t.drop_suspected || !state::is_known(state::attach(), MyDatabaseId)
                           ? pg::announcement::presence
                           : pg::announcement::registrations);
          state::watch_prepared(state::attach(), MyDatabaseId, GetTopTransactionIdIfAny());
          (void)state::ensure_launcher(state::attach());
        });
      break;
    case XACT_EVENT_PREPARE:
      (void)pg::swallow("preparing a transaction", [&t] { after_abort(t); });
      forget(t);
      state::forget_provisioner();
      break;
    default: break;
  }
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId my_id, SubTransactionId parent_id,
                             void *) {
  transaction &t = mine();
  if (event == SUBXACT_EVENT_ABORT_SUB) pg::leave_aborted_command();
  if (t.holds.empty() && event != SUBXACT_EVENT_ABORT_SUB) return;
  if (event == SUBXACT_EVENT_COMMIT_SUB) {
    std::replace(t.hold_levels.begin(), t.hold_levels.end(), my_id, parent_id);
  } else if (event == SUBXACT_EVENT_ABORT_SUB) {
    t.store.reset();  // dynpgext itself may have been made or dropped in it
    (void)pg::swallow("rolling back to a savepoint", [&] {
      std::vector<state::hold> ended;
      for (size_t i = t.holds.size(); i-- > 0;) {
        if (t.hold_levels[i] != my_id) continue;
        ended.push_back(t.holds[i]);
        t.holds.erase(t.holds.begin() + static_cast<ptrdiff_t>(i));
        t.hold_levels.erase(t.hold_levels.begin() + static_cast<ptrdiff_t>(i));
      }
      if (ended.empty()) return;
      t.memory_given_back = true;
      state::roll_back_holds(state::attach(), ended);
    });
  }
}

}  // namespace

void watch_transactions() {
  pg::call([] {
    RegisterXactCallback(on_transaction_event, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
  });
}

void follow_drops_of_dynpgext(void (*follow)()) { follow_drop = follow; }

void hold_for_transaction(const state::hold &h) {
  transaction &t = mine();
  t.holds.reserve(t.holds.size() + 1);
  t.hold_levels.push_back(GetCurrentSubTransactionId());
  t.holds.push_back(h);
}

std::span<const state::hold> transaction_holds() { return mine().holds; }

void touch(const catalog::store &store) {
  // Whoever provisions may be at it for long.  Better waited for here, where statement_timeout
  // still acts, than in the commit.  Not within code of an extension, which may hold the claim of
  // an allocation that the holder waits for.
  if (!in_session() && IsUnderPostmaster) state::await_provisioning(state::attach(), MyDatabaseId);
  mine().touched = true;
  mine().store = store;
  state::bypass_cache(true);
}

bool is_touched() { return mine().touched; }

void note_replicated() { mine().wants_visit = true; }

void note_arrival() { mine().arrives = true; }

bool is_arriving() { return mine().arrives; }

void note_source(bool is_trusted) { mine().source_trusted = is_trusted; }

bool is_source_trusted() { return mine().source_trusted; }

void suspect_drop() { mine().drop_suspected = true; }

void note_extension(const std::string &extension, model::extension_state state,
                    const std::string &error) {
  mine().notes[extension] = {state, error};
}

void note_retry(const std::string &extension) { mine().retry = extension; }

void note_drop(const std::string &extension) { mine().dropped.push_back(extension); }

void overlay_notes(model::live_state &live) {
  for (const auto &[name, n] : mine().notes) {
    const std::string &extension = name;
    std::erase_if(live.extensions, [&](const model::live_extension &e) {
      return e.database == MyDatabaseId && e.name == extension;
    });
    live.extensions.push_back({MyDatabaseId, extension, n.state});
  }
}

}  // namespace dynpgext::provisioning
