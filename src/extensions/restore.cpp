#include "extensions/restore.h"

#include "extensions/ledger.h"
#include "pg/database.h"
#include "pg/role.h"
#include "pg/session_look.h"
#include "pg/settings.h"
#include "pg/utility.h"
#include "shared/provisioning_lock.h"
#include "shared/restores.h"

namespace dynpgext::provisioning {
namespace {

// This session has ended the restore itself: its settings no longer count.
constinit bool was_ended_here = false;
// This session restores, and has created this dynpgext.
constinit Oid brought_here = InvalidOid;

model::restore_setting setting() {
  switch (pg::settings::restore()) {
    case pg::settings::restores::on: return model::restore_setting::on;
    case pg::settings::restores::off: return model::restore_setting::off;
    case pg::settings::restores::automatic: break;
  }
  return model::restore_setting::automatic;
}

// psql restores in one session.
bool may_return() { return !pg::is_psql(); }

// A superuser's session that starts while another superuser's session restores.
bool goes_on_trusted(const state::shared &s) {
  return pg::is_superuser(pg::session_role()) && state::is_trusted_restore(s);
}

// pg_restore's application_name covers sessions that this hook does not see.
void on_utility(const pg::utility_statement &seen) {
  if (!seen.is_toplevel || pg::checks_function_bodies() || state::is_restorer() ||
      !IsTransactionState() || !state::available())
    return;
  state::shared &s = state::attach();
  if (state::is_under_restore(s, MyDatabaseId) && is_restoring())
    state::note_restorer(s, may_return(), goes_on_trusted(s));
}

void warn_of_interruption(const std::string &what) {
  pg::log(WARNING,
          "a restore of database \"" + pg::current_database_name() + "\" " + what +
              ": workers of extensions wait there",
          "Restore it again, or, if its data is whole, SELECT dynpgext.end_restore() there.");
}

}  // namespace

void watch_restores() { pg::watch_utility(on_utility); }

bool is_restoring() {
  if (!pg::is_client_session()) return false;
  model::session_look look;
  look.is_client = true;
  look.checks_function_bodies = pg::checks_function_bodies();
  look.has_search_path = pg::has_search_path();
  look.hears_only_warnings = pg::hears_only_warnings();
  look.may_restore = true;  // last, because it reads catalogs
  if (!model::is_restoring(look, setting())) {
    was_ended_here = false;
    state::forget_restorer(state::attach());
    return false;
  }
  return !was_ended_here && pg::session_owns_database();
}

void join_restore(const catalog::store &store, bool brings_dynpgext) {
  state::shared &s = state::attach();
  const std::optional<model::restore> known = store.read_restore();
  if (brings_dynpgext) brought_here = store.dynpgext();
  // other sessions continue it if they belong to pg_restore --jobs, or with dynpgext.restore = on;
  // a role that may not end it cannot make it outlive its session
  const bool is_told =
      setting() == model::restore_setting::on && pg::may_end_restore(pg::session_role());
  const bool for_others = pg::is_pg_restore() || is_told;
  const model::restore wanted = model::joined(
      known, s.root->boot, is_told ? model::restore_setting::on : model::restore_setting::automatic,
      brings_dynpgext && for_others);
  const bool begins = brings_dynpgext && pg::is_superuser(pg::session_role());
  state::note_restorer(s, may_return(), begins || goes_on_trusted(s));
  if (known && *known == wanted) return;
  store.write(std::optional(wanted));
  if (!known)
    pg::log(LOG, "a restore of database \"" + pg::current_database_name() +
                     "\" is under way: workers of extensions wait there for its end");
}

void look_at_source(const catalog::store &store) {
  const auto is_trusted = [&store] {
    if (!pg::is_superuser() || !is_restoring()) return false;
    if (is_arriving() || brought_here == store.dynpgext()) return true;
    return expects_trusted_rows(store) && (pg::is_pg_restore() || store.read_restore()->until_told);
  };
  note_source(is_trusted());
}

bool expects_trusted_rows(const catalog::store &store) {
  state::shared &s = state::attach();
  const std::optional<model::restore> known = store.read_restore();
  if (!model::has_brought_dynpgext(known, s.root->boot)) return false;
  // not while another role's session keeps it in progress
  return known->until_told || state::is_trusted_restore(s);
}

void end_restore_if_over(const catalog::store &store) {
  state::shared &s = state::attach();
  if (RecoveryInProgress() || !state::is_restore_over(s, MyDatabaseId)) return;
  store.expect_restore();
  state::scoped_provisioning_lock lock(s, MyDatabaseId);
  const std::optional<model::restore> known = store.read().under_restore;
  // a session may have joined since
  if (!known || !model::ends_with_sessions(*known, s.root->boot) ||
      !state::is_restore_over(s, MyDatabaseId))
    return;
  touch(store);
  const bool broke_off = state::has_restore_broken_off(s, MyDatabaseId);
  const auto after = broke_off ? std::optional(model::interrupted(*known)) : std::nullopt;
  store.write(after);
  lock.keep();
  state::forget_restore(s, MyDatabaseId);
  if (broke_off)
    warn_of_interruption("has broken off");
  else
    pg::log(LOG, "the restore of database \"" + pg::current_database_name() + "\" is over");
}

bool begin_restore(const catalog::store &store) {
  store.expect_restore();
  const std::optional<model::restore> known = store.read().under_restore;
  const model::restore wanted =
      model::joined(known, state::attach().root->boot, model::restore_setting::on);
  if (known && known->until_told) return false;
  touch(store);
  store.write(std::optional(wanted));
  return true;
}

bool end_restore(const catalog::store &store) {
  store.expect_restore();
  was_ended_here = true;
  state::forget_restorer(state::attach());
  if (!store.read().under_restore) return false;
  touch(store);
  store.write(std::optional<model::restore>());
  return true;
}

void report_interrupted_restore(const model::registrations &all) {
  if (!all.under_restore || all.under_restore->until_told ||
      all.under_restore->boot == state::attach().root->boot)
    return;
  warn_of_interruption(all.under_restore->boot == 0 ? "has broken off"
                                                    : "was under way when the server stopped");
}

void await_other_half(const catalog::store &store) {
  if (OidIsValid(store.identities())) pg::take_turn(store.identities());
}

}  // namespace dynpgext::provisioning
