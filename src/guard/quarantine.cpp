#include "guard/quarantine.h"

#include "guard/guard.h"
#include "pg/role.h"
#include "pg/settings.h"
#include "shared/attention.h"
#include "shared/events.h"
#include "shared/extension_states.h"
#include "shared/publication.h"

namespace dynpgext::state {
namespace {

// Settings must have been defined.
void count_again(const shared &s) {
  s.root->quarantined =
      pg::settings::crash_limit() == 0 ? 0 : static_cast<uint32>(quarantines().size());
}

std::string reason_of(const model::suspect &q, const std::string &who, const std::string &last) {
  const TimestampTz since = q.quarantined_since;
  const char *time = pg::call([=] { return timestamptz_to_str(since); });
  return "quarantined since " + std::string(time) + ": " + who + " took the server down " +
         std::to_string(q.quarantined_after) + " times" + last + "; dynpgext.release() ends it";
}

// Sets the state of extensions with quarantined code, whatever their other state.
void overlay(const shared &s, std::vector<model::live_extension> &extensions) {
  if (s.root->quarantined == 0) return;
  for (const model::suspect &q : quarantines()) {
    if (q.who.is_worker() || q.who.is_role()) continue;
    std::erase_if(extensions, [&](const model::live_extension &e) {
      return e.database == q.who.home && e.name == q.who.extension;
    });
    extensions.push_back({q.who.home, q.who.extension, model::extension_state::quarantined});
  }
}

}  // namespace

std::vector<model::live_extension> live_extensions(const shared &s,
                                                   std::span<const Oid> databases) {
  std::vector<model::live_extension> result = extension_states(s, databases);
  overlay(s, result);
  return result;
}

std::vector<model::quarantined_worker> quarantined_workers(const shared &s) {
  std::vector<model::quarantined_worker> result;
  if (s.root->quarantined == 0) return result;
  for (const model::suspect &q : quarantines())
    if (q.who.is_worker()) result.push_back({q.who.home, q.who.extension, q.who.worker});
  return result;
}

std::vector<model::quarantined_role> quarantined_roles(const shared &s) {
  std::vector<model::quarantined_role> result;
  if (s.root->quarantined == 0) return result;
  for (const model::suspect &q : quarantines())
    if (q.who.is_role()) result.push_back({q.who.home, q.who.role});
  return result;
}

bool is_quarantined(const shared &s, Oid database, const std::string &extension) {
  const reading lock(s);
  if (s.root->quarantined == 0) return false;
  for (const model::suspect &q : quarantines())
    if (q.who == guarded_identity{database, extension}) return true;
  return false;
}

std::string quarantine_reason(const shared &s, Oid home, std::string_view extension,
                              std::string_view worker) {
  if (s.root->quarantined == 0) return {};
  for (const model::suspect &q : quarantines())
    if (!q.who.is_role() && q.who.home == home && q.who.extension == extension &&
        q.who.worker == worker)
      return reason_of(q, "it", {});
  return {};
}

std::optional<model::suspect> quarantine_of_role(const shared &s, const worker_entry &entry) {
  if (s.root->quarantined == 0 || !entry.hosted) return std::nullopt;
  for (model::suspect &q : quarantines())
    if (q.who.is_role() && q.who.home == entry.source && q.who.role == entry.argument)
      return std::move(q);
  return std::nullopt;
}

std::string quarantine_reason(const model::suspect &role) {
  const std::string name = pg::role_name(role.who.role);
  return reason_of(
      role,
      "SQL workers of role " + (name.empty() ? std::to_string(role.who.role) : "\"" + name + "\""),
      ", \"" + role.command.worker + "\" of extension \"" + role.command.extension + "\" last");
}

bool release_extension(shared &s, Oid database, const std::string &extension,
                       std::span<const Oid> roles) {
  pg::settings::define();
  const exclusive lock(s);
  bool was_quarantined = false;
  for (const model::suspect &q : quarantines())
    if (q.who.is_role()
            ? model::is_role_of(q, database, extension, roles)
            : q.who.extension == extension && (q.who.home == database || !OidIsValid(q.who.home)))
      was_quarantined = true;
  bool is_forgotten = release_roles(database, extension, roles);
  is_forgotten |= release(database, extension);
  is_forgotten |= release(InvalidOid, extension);
  count_again(s);
  for (extension_entry *entry : s.extensions.of(database))
    if (entry->key.extension.view() == extension &&
        entry->state == model::extension_state::quarantined) {
      entry->state = model::extension_state::pending;
      entry->since = pg::moment::now();
    }
  if (was_quarantined)
    state::record(s, {model::object_kind::extension, database, extension, extension, "released"});
  attend(s, database);  // other extensions of these roles also start again
  return is_forgotten;
}

void forget_crashes(shared &s, Oid database, const std::string &extension) {
  pg::settings::define();
  const exclusive lock(s);
  (void)release(database, extension);
  if (is_suspected(InvalidOid, extension)) {
    const desired_databases all = all_registrations(s);
    const bool elsewhere =
        std::any_of(all.begin(), all.end(), [&](const model::desired_database &d) {
          return d.database != database && d.registrations.find_extension(extension) != nullptr;
        });
    if (!elsewhere) (void)release(InvalidOid, extension);
  }
  count_again(s);
}

void forget_database_crashes(shared &s, Oid database) {
  pg::settings::define();
  const exclusive lock(s);
  if (forget_home(database)) count_again(s);
}

void judge_crashes(shared &s) {
  const uint32 limit = pg::settings::crash_limit();
  const int64 window = pg::settings::crash_window_seconds() * 1000000;
  crash_report report;
  std::string failure;
  {
    const exclusive lock(s);
    if (s.root->crashes_judged) return;
    s.root->crashes_judged = true;
    try {
      report = judge_last_run(limit, window);
      s.root->quarantined = report.quarantined;
    } catch (const pg::error &e) {
      failure = e.what();
      s.root->is_unguarded = true;
    }
  }
  if (!failure.empty())
    pg::log(WARNING, "the crash guard cannot work: " + failure,
            "Extensions that take the server down repeatedly are not quarantined.");
  log_report(report, limit, window);
  const exclusive lock(s);
  for (const model::blamed &b : report.blamed) {
    const bool is_worker = b.who.is_worker() || b.who.is_role();
    const auto kind = is_worker ? model::object_kind::worker : model::object_kind::extension;
    const std::string &extension = b.who.is_role() ? b.command.extension : b.who.extension;
    const std::string &worker = b.who.is_role() ? b.command.worker : b.who.worker;
    state::record(s, {kind, b.who.home, extension, is_worker ? worker : extension, "crashed",
                      "took the server down"});
    // a worker's event is written when the worker is quarantined
    if (b.newly_quarantined && !is_worker)
      state::record(s, {kind, b.who.home, extension, extension, "quarantined"});
  }
}

}  // namespace dynpgext::state
