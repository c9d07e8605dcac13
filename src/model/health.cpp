#include "model/health.h"

#include "model/text.h"

namespace dynpgext::model {
namespace {

std::string call(std::string_view function, const worker_condition &w) {
  return "SELECT dynpgext." + std::string(function) + "(" + sql_literal(w.extension) + ", " +
         sql_literal(w.name) + ")";
}

std::string seconds(std::int64_t microseconds) {
  return std::to_string(microseconds / second) + " s";
}

std::string error_of(const worker_condition &w) {
  if (!w.error.empty()) return std::string(w.error);
  return "exit code " + std::to_string(w.exit_code);
}

// A worker that takes turns is late only after all others may have had theirs.
constexpr std::int64_t longest_turn = 6 * longest_wait;

complaint complaint_of_quarantine(std::string_view reason, std::string_view extension) {
  return {severity::critical, "quarantined: " + std::string(reason),
          "Find out why it crashes, repair it, then SELECT dynpgext.release(" +
              sql_literal(extension) + ")"};
}

}  // namespace

std::string_view name_of(severity s) { return s == severity::critical ? "critical" : "warning"; }

std::optional<complaint> complaint_of(const worker_condition &w) {
  const std::string of = " of extension \"" + std::string(w.extension) + "\"";
  if (w.state == worker_state::quarantined) return complaint_of_quarantine(w.error, w.extension);
  if (w.state == worker_state::failed)
    return complaint{severity::critical, "failed: worker" + of + " has ended: " + error_of(w),
                     "Repair the cause, then " + call("restart_worker", w)};
  if (w.state == worker_state::unresponsive)
    return complaint{severity::critical,
                     "unresponsive: worker" + of +
                         " has sent no heartbeat within its deadline of " +
                         std::to_string(w.deadline) + " ms",
                     "Check its wait event in pg_stat_activity, then " + call("restart_worker", w)};
  if (w.overdue)
    return complaint{severity::warning,
                     "stopping: worker" + of + " has been signalled to end, and does not",
                     "Its code serves no interrupts: see docs/emergency.md", origin::signal};
  // A worker in a crash loop runs for a moment now and then.
  const bool is_up = w.state == worker_state::starting || w.state == worker_state::running;
  if (w.short_runs >= most_short_runs &&
      (w.state == worker_state::backoff || (is_up && w.lasts < longest_wait)))
    return complaint{severity::warning,
                     "backoff: worker" + of + " has ended soon " + std::to_string(w.short_runs) +
                         " times in a row: " + error_of(w),
                     "Repair the cause, then " + call("restart_worker", w) + " starts it at once"};
  if (w.state == worker_state::waiting && !w.waits_for.empty() &&
      w.lasts >= (w.takes_turns ? longest_turn : longest_wait))
    return complaint{severity::warning,
                     "waiting: worker" + of + " has waited for " + seconds(w.lasts) + ": " +
                         std::string(w.waits_for) + " is reached",
                     "Increase " + std::string(w.waits_for) + ", or stop other workers"};
  if (w.delays > 0)
    return complaint{severity::warning,
                     "delaying: SQL worker" + of + " has run for " + seconds(w.runs_for) +
                         " and delays " + std::to_string(w.delays) +
                         (w.delays == 1 ? " other" : " others") + " of its process",
                     "Give it \"process\": \"own\" or a deadline in its manifest; " +
                         call("stop_worker", w) + " ends the run",
                     origin::run};
  if (w.failing)
    return complaint{severity::warning,
                     "failing: SQL worker" + of + " has failed in its last run: " + error_of(w),
                     "Repair the cause: it runs again when it is due", origin::failure};
  if (w.stale)
    return complaint{severity::warning,
                     "stale: the library of the worker" + of +
                         ", or dynpgext's, has been replaced, and its process runs the old one",
                     call("restart_worker", w)};
  return std::nullopt;
}

std::optional<complaint> complaint_of(const extension_condition &e) {
  const std::string name = sql_literal(e.name);
  if (e.state == extension_state::quarantined) return complaint_of_quarantine(e.error, e.name);
  if (e.state == extension_state::failed) {
    std::string remedy = "Repair the cause, then SELECT * FROM dynpgext.reload(" + name + ")";
    if (e.is_library) remedy = "Repair the cause, then SELECT dynpgext.rehost(" + name + ")";
    if (e.is_refused)
      remedy = "SELECT dynpgext.unhost(" + name + "), and preload it: it cannot be hosted";
    return complaint{severity::critical, "failed: " + std::string(e.error), std::move(remedy)};
  }
  if (e.stale)
    return complaint{severity::warning, "stale: the file of the library has been replaced",
                     "SELECT dynpgext.rehost(" + name + ")"};
  return std::nullopt;
}

std::optional<complaint> complaint_of_code(std::int64_t lasts, std::int32_t pid,
                                           std::int64_t patience) {
  if (lasts < longest_code) return std::nullopt;
  return complaint{severity::critical,
                   "provisioning: process " + std::to_string(pid) +
                       " has run code of the extension for " + seconds(lasts),
                   patience == 0
                       ? "SELECT pg_terminate_backend(" + std::to_string(pid) + ")"
                       : "Wait for dynpgext.provisioning_timeout (" + std::to_string(patience) +
                             " ms), or SELECT pg_terminate_backend(" + std::to_string(pid) + ")"};
}

std::optional<complaint> complaint_of_visits(std::uint32_t failed) {
  if (failed < most_failed_visits) return std::nullopt;
  return complaint{severity::critical,
                   "provisioning: " + std::to_string(failed) +
                       " visits of the database have failed in a row",
                   "Look for the error of \"dynpgext provisioning\" in the server's log"};
}

std::optional<complaint> complaint_of_hunger(std::int64_t lasts) {
  if (lasts < longest_wait) return std::nullopt;
  return complaint{severity::critical,
                   "provisioning: no slot has been free for provisioning databases for " +
                       seconds(lasts),
                   "Increase max_worker_processes, or stop other workers"};
}

complaint complaint_of_restore() {
  return {
      severity::warning,
      "restore: workers of the database wait for the end of a restore that has been interrupted",
      "Restore it again, or SELECT dynpgext.end_restore() there if its data is complete"};
}

std::optional<complaint> complaint_of_draining(std::int64_t lasts, std::uint32_t attached) {
  if (lasts < longest_drain) return std::nullopt;
  return complaint{severity::warning,
                   "draining: dropped " + seconds(lasts) + " ago, and still looked up by " +
                       std::to_string(attached) + (attached == 1 ? " process" : " processes"),
                   "It is freed when the sessions that have looked it up end: reconnect pools"};
}

std::optional<complaint> complaint_of_memory(std::uint64_t used, std::uint64_t limit,
                                             std::string_view setting) {
  if (limit == UINT64_MAX) return std::nullopt;
  const double share = limit == 0 ? (used == 0 ? 0 : 100)
                                  : 100 * static_cast<double>(used) / static_cast<double>(limit);
  constexpr double near = 90;
  constexpr double full = 98;
  if (share < near) return std::nullopt;
  return complaint{share < full ? severity::warning : severity::critical,
                   "memory: " + std::to_string(used) + " of the " + std::to_string(limit) +
                       " bytes of " + std::string(setting) + " are used",
                   "Increase " + std::string(setting) +
                       ", or drop extensions; dynpgext.cluster_allocations shows sizes"};
}

complaint complaint_of_launcher(bool preloaded) {
  return {severity::critical, "launcher: none is running, so nothing is started or restarted",
          preloaded
              ? "SELECT launcher_pid FROM dynpgext.status requests one; it needs a free slot of "
                "max_worker_processes"
              : "SELECT launcher_pid FROM dynpgext.status starts it; SELECT dynpgext.preload() "
                "makes it start with the server"};
}

complaint complaint_of_guard() {
  return {severity::warning, "guard: the crash guard cannot use its file, and quarantines nothing",
          "The server's log has the reason; it is tried again with the next start of the server"};
}

complaint complaint_of_safe_mode() {
  return {
      severity::warning, "safe mode: dynpgext.safe_mode is on, so no extension code runs",
      "Set it to off where it is set (pg_settings.sourcefile), then SELECT pg_reload_conf(); if "
      "that is the server's command line, start the server without it"};
}

}  // namespace dynpgext::model
