#include "provisioning/commit.h"

#include <memory>

#include "extensions/capture.h"
#include "extensions/extension.h"
#include "extensions/init_run.h"
#include "extensions/ledger.h"
#include "extensions/publishable.h"
#include "extensions/restore.h"
#include "extensions/wanted.h"
#include "guard/quarantine.h"
#include "memory/attachments.h"
#include "memory/claims.h"
#include "pg/announcement.h"
#include "pg/command_end.h"
#include "pg/database_mark.h"
#include "pg/database_owners.h"
#include "pg/error_report.h"
#include "pg/fault.h"
#include "pg/quiet_client.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/running.h"
#include "pg/session_look.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "pg/unheard.h"
#include "provisioning/database.h"
#include "shared/access.h"
#include "shared/comparisons.h"
#include "shared/databases.h"
#include "shared/extension_states.h"
#include "shared/pauses.h"
#include "shared/provisioning_lock.h"
#include "shared/publication.h"
#include "shared/worker_identity.h"
#include "workers/database_end.h"
#include "workers/decision.h"
#include "workers/launch.h"
#include "workers/launcher_start.h"
#include "workers/places.h"

namespace dynpgext::provisioning {
namespace {

struct transaction {
  ledger &noted = this_ledger();
  // a superuser has dropped extensions: other roles must not bypass the crash guard by dropping and
  // creating them again
  bool drops_forget = false;
  // from PRE_COMMIT to COMMIT
  std::vector<pg::virtual_transaction> older;  // in progress when dynpgext is created
  TransactionId next_id = InvalidTransactionId;
  std::unique_ptr<state::publication> publication;
  std::vector<no_room> left_out;  // left out of the publication
  std::optional<std::string> worker_limit;
  std::vector<state::worker_identity> prepared;
  std::vector<state::head_start> head_starts;
};

transaction &mine() {
  static auto *const t = new transaction;
  return *t;
}

void end_holds(transaction &t, void (*end)(state::shared &, std::span<const state::hold>)) {
  if (t.noted.holds.empty()) return;
  end(state::attach(), t.noted.holds);
  t.noted.holds.clear();
  t.noted.hold_levels.clear();
}

void forget(transaction &t) noexcept {
  (void)pg::swallow("ending a transaction", [&t] {
    if (t.noted.touched) state::bypass_cache(false);
    t.noted.touched = t.noted.drop_suspected = t.noted.arrives = t.noted.wants_visit =
        t.noted.memory_given_back = false;
    t.noted.source_trusted = false;
    t.older.clear();
    t.noted.store.reset();
    t.noted.notes.clear();
    t.noted.dropped.clear();
    t.drops_forget = false;
    t.noted.retried.clear();
    t.publication.reset();
    t.left_out.clear();
    t.worker_limit.reset();
    t.prepared.clear();
    // none is left unless the commit could not be carried out; then the launcher starts them
    for (const state::head_start &h : t.head_starts) state::call_off(*state::attached(), h.start);
    t.head_starts.clear();
  });
}

using drop_follower = void (*)();
constinit drop_follower follow_drop = nullptr;

// dynpgext has been dropped from the database: removes everything it had provisioned.
void finish_all(state::shared &s) {
  model::registrations published;
  {
    const state::reading lock(s);
    if (const auto known = state::registrations_of(s, MyDatabaseId)) published = *known;
  }
  for (const model::extension &e : published.extensions) fini_if_possible(e, BOOTSTRAP_SUPERUSERID);
}

// A rolled-back savepoint may have removed memory that is wanted again: runs the inits of
// extensions that lack some.
void complete_memory(transaction &t, state::shared &s, const catalog::store &store,
                     const model::registrations &wanted) {
  state::picture seen =
      state::look(s, {.database = MyDatabaseId, .instead = &wanted, .own = t.noted.holds});
  overlay_notes(seen.live);
  for (const model::action &a :
       model::reconcile(MyDatabaseId, seen.desired, seen.live, state::circumstances(false)))
    if (a.kind == model::action_kind::provision && t.noted.find_note(a.extension) != nullptr)
      provision(store, *wanted.find_extension(a.extension));
}

// Makes room for the work of the commit, when nothing may fail any more.
void make_room(transaction &t, state::shared &s, const model::registrations &wanted) {
  for (const model::extension &e : wanted.extensions)
    if (t.noted.find_note(e.name) != nullptr)
      state::prepare_extension_state(s, MyDatabaseId, e.name);
  for (const model::worker &w : wanted.workers) {
    if (t.noted.find_note(w.extension) == nullptr) continue;
    t.prepared.push_back({model::home_of(w.scope, MyDatabaseId), w.extension, w.name});
    const model::extension *owner = wanted.find_extension(w.extension);
    state::prepare_worker(s, t.prepared.back(), w, owner->version);
  }
}

// Requests the processes of workers that are new with this commit, so that they start while it is
// written.  They wait for it; an abort cancels them.
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
    if (a.kind != model::action_kind::start || t.noted.find_note(a.extension) == nullptr) continue;
    const model::wanted_worker *w = model::find_wanted(workers, a.home, a.extension, a.name);
    if (w == nullptr || w->source != MyDatabaseId) continue;
    if (auto h = state::start_ahead(s, {a.home, a.extension, a.name}, *w))
      t.head_starts.push_back(std::move(*h));
  }
}

// Until this transaction has committed, other transactions, and commands that have begun by then,
// do not see dynpgext's event triggers, so their changes of pg_extension go unnoticed.  Adopts
// everything committed by now.
void before_arrival(transaction &t, const catalog::store &store) {
  t.older = pg::running_transactions();
  t.next_id = pg::next_transaction_id();
  capture(store, false);
}

// The launcher waits for transactions in progress then or now before it compares again.  It does so
// at once if others may have begun to write and ended in between.
void after_arrival(transaction &t, state::shared &s) {
  pg::announce_event_triggers();
  const std::vector<pg::virtual_transaction> now = pg::running_transactions();
  t.older.insert(t.older.end(), now.begin(), now.end());
  state::set_compared(s, MyDatabaseId, state::next_comparison(s, MyDatabaseId).number);
  const bool watched = pg::swallow("recording transactions in progress",
                                   [&] { state::watch_older(s, MyDatabaseId, t.older); });
  if (!watched || pg::next_transaction_id() != t.next_id) state::want_comparison(s, MyDatabaseId);
}

void before_commit(transaction &t) {
  if (!t.noted.touched && !t.noted.drop_suspected) return;
  pg::settings::define();
  pg::make_visible();  // writes of the last command
  // without a lock on its tables, which others may have locked
  if (!t.noted.touched && OidIsValid(pg::extension_oid("dynpgext"))) return;
  const pg::active_snapshot snapshot;
  // its tables have been locked since it was opened; only this transaction itself can have dropped
  // them
  const std::optional<catalog::store> store =
      t.noted.drop_suspected || !t.noted.store ? catalog::store::open() : t.noted.store;
  if (store && !t.noted.touched) return;
  state::shared &s = state::attach();
  state::meet_database(s);
  if (!store) {
    if (!t.noted.touched && !state::is_known(s, MyDatabaseId)) return;
    t.noted.touched = true;
    pg::drop_database_mark();
    pg::drop_database_owners();
    finish_all(s);
    if (follow_drop != nullptr) follow_drop();
  }
  t.drops_forget = !t.noted.dropped.empty() && pg::is_superuser() && pg::is_client_session();
  t.noted.arrives = t.noted.arrives && store;
  if (t.noted.arrives) before_arrival(t, *store);
  pg::announce(store && state::is_known(s, MyDatabaseId) ? pg::announcement::registrations
                                                         : pg::announcement::presence);
  const bool restores = store && is_restoring();
  if (restores) store->expect_restore();
  pg::end_temporary_tables();  // otherwise others would wait for the lock as long as this may take
  state::acquire_provisioning_lock(s, MyDatabaseId);
  pg::quiet_client_until_end();
  model::registrations wanted;
  if (store) {
    if (restores) join_restore(*store, t.noted.arrives);
    wanted = wanted_registrations(*store);
    if (t.noted.memory_given_back) complete_memory(t, s, *store, wanted);
    DYNPGEXT_FAULT_POINT("commit.locked");
    t.worker_limit = read_worker_limit();
    // a value set by others also counts for processes started ahead
    if (!pg::may_have_written(DbRoleSettingRelationId))
      state::set_worker_limit(s, MyDatabaseId, t.worker_limit);
    publishable found =
        what_fits(s, wanted, state::is_visit() ? over_limit::leave_out : over_limit::refuse,
                  to_be_left_out(s));
    t.publication = std::move(found.publication);
    t.left_out = std::move(found.left_out);
    start_ahead(t, s, t.publication->wanted());
    DYNPGEXT_FAULT_POINT("commit.started_ahead");
  } else {
    t.publication = std::make_unique<state::publication>(s, MyDatabaseId, wanted, false);
  }
  make_room(t, s, t.publication->wanted());
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
  if (t.noted.arrives) after_arrival(t, s);
  state::publish_holds(s, t.noted.holds);
  for (const ledger::note &n : t.noted.notes)
    if (t.noted.find_note(n.extension) == &n &&
        t.publication->wanted().find_extension(n.extension) != nullptr)
      state::set_extension_state(s, MyDatabaseId, n.extension, n.state, n.error);
  record_left_out(t.left_out);
  DYNPGEXT_FAULT_POINT("commit.states_set");
  // not earlier: until the registrations are published, the launcher would start dropped workers
  state::end_pauses();
  for (const state::head_start &h : t.head_starts) state::let_start(s, h);
  DYNPGEXT_FAULT_POINT("commit.let_start");
  t.head_starts.clear();
  // as early as possible; the rest is cleanup
  state::decision d =
      state::decide_workers(s, MyDatabaseId, &t.publication->touched(), !t.noted.retried.empty());
  if (!t.noted.retried.empty())
    std::erase_if(d.actions, [&t](const model::action &a) {
      return a.kind == model::action_kind::start && !t.noted.retries(a.extension);
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
  for (const ledger::mention &m : t.noted.dropped)
    if (t.drops_forget && t.publication->wanted().find_extension(m.extension) == nullptr)
      state::forget_crashes(s, MyDatabaseId, m.extension);
  for (const state::worker_identity &id : t.prepared) state::forget_prepared(s, id);
  if (!state::is_provisioned(s, MyDatabaseId)) (void)state::want_visit(s, MyDatabaseId);
  if (!state::ensure_launcher(s))
    pg::log(WARNING, "no free slot for dynpgext's launcher",
            "It starts with the next use of dynpgext when a slot is free. Consider increasing "
            "max_worker_processes.");
}

void after_abort(transaction &t) {
  state::abandon_claims();
  if (t.noted.is_idle() || state::attached() == nullptr) return;
  state::shared &s = state::attach();
  for (const state::head_start &h : t.head_starts) state::call_off(s, h.start);
  DYNPGEXT_FAULT_POINT("abort.called_off");
  end_holds(t, state::roll_back_holds);
  for (const state::worker_identity &id : t.prepared) state::forget_prepared(s, id);
  if (t.noted.touched) state::forget_unpublished_states(s, MyDatabaseId);
}

// After a failure at its end: ends all holds, and a visit checks the rest.
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
      if (t.publication != nullptr || !t.noted.holds.empty())
        if (!pg::swallow("executing committed changes", [&t] { after_commit(t); }))
          (void)pg::swallow("cleaning up after that",
                            [&t] { leave_to_visit(t, state::release_holds); });
      if (t.noted.wants_visit)
        (void)pg::swallow("requesting a visit",
                          [] { (void)state::want_visit(state::attach(), MyDatabaseId); });
      forget(t);
      state::forget_provisioner();
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
      if (!pg::swallow("rolling back", [&t] { after_abort(t); }))
        (void)pg::swallow("cleaning up after that",
                          [&t] { leave_to_visit(t, state::roll_back_holds); });
      forget(t);
      state::forget_provisioner();
      break;
    case XACT_EVENT_PRE_PREPARE:
      if (t.noted.touched || t.noted.drop_suspected)
        pg::entry([&t] {
          // replayed with COMMIT PREPARED
          pg::announce(t.noted.drop_suspected || !state::is_known(state::attach(), MyDatabaseId)
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

// The server checks after PRE_COMMIT whether a serializable transaction may commit.
void before_report(pg::error_end end) noexcept {
  if (end != pg::error_end::transaction) return;
  transaction &t = mine();
  for (const state::head_start &h : t.head_starts) state::call_off(*state::attached(), h.start);
  t.head_starts.clear();
  state::give_up_provisioning();
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId my_id, SubTransactionId parent_id,
                             void *) {
  transaction &t = mine();
  if (event == SUBXACT_EVENT_ABORT_SUB) pg::leave_aborted_command();
  if (event == SUBXACT_EVENT_COMMIT_SUB) {
    t.noted.commit_level(my_id, parent_id);
  } else if (event == SUBXACT_EVENT_ABORT_SUB) {
    t.noted.store.reset();  // dynpgext itself may have been created or dropped in it
    (void)pg::swallow("rolling back to a savepoint", [&] {
      const std::vector<state::hold> ended = t.noted.abort_level(my_id);
      if (ended.empty()) return;
      t.noted.memory_given_back = true;
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
  pg::watch_errors({state::is_provisioner, before_report});
}

void follow_drops_of_dynpgext(void (*follow)()) { follow_drop = follow; }

}  // namespace dynpgext::provisioning
