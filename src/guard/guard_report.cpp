// Log messages about crashes.
#include "guard/guard.h"
#include "model/text.h"
#include "pg/database.h"
#include "pg/role.h"

namespace dynpgext::state {
namespace {

std::string span_of_time(int64 microseconds) {
  constexpr int64 second = 1000000;
  if (microseconds % (3600 * second) == 0)
    return std::to_string(microseconds / 3600 / second) + " h";
  if (microseconds % (60 * second) == 0) return std::to_string(microseconds / 60 / second) + " min";
  if (microseconds % second == 0) return std::to_string(microseconds / second) + " s";
  return std::to_string(microseconds / 1000) + " ms";
}

std::string describe_role(Oid role) {
  const std::string name = pg::role_name(role);
  return name.empty() ? "the role with OID " + std::to_string(role) : "role \"" + name + "\"";
}

std::string describe_database(Oid database) {
  const std::string name = pg::database_name(database);
  return name.empty() ? "the database with OID " + std::to_string(database)
                      : "database \"" + name + "\"";
}

std::string describe_command(const model::guarded_command &c) {
  return "SQL worker \"" + c.worker + "\" of extension \"" + c.extension + "\"";
}

// For a role, names the worker that crashed.
std::string describe(const model::blamed &b) {
  const guarded_identity &who = b.who;
  if (who.is_role())
    return describe_command(b.command) + ", run as " + describe_role(who.role) + " in " +
           describe_database(who.home) + ",";
  std::string text = who.is_worker() ? "background worker \"" + who.worker + "\"" : "code";
  text += " of extension \"" + who.extension + "\"";
  return OidIsValid(who.home) ? text + " in " + describe_database(who.home) : text;
}

// The quarantined object, and the extension by which it is released.
std::string describe_quarantined(const model::blamed &b) {
  return b.who.is_role() ? "SQL workers of " + describe_role(b.who.role) + " in " +
                               describe_database(b.who.home) + " are"
                         : describe(b) + " is";
}
const std::string &releasing_extension(const model::blamed &b) {
  return b.who.is_role() ? b.command.extension : b.who.extension;
}

}  // namespace

void log_report(const crash_report &report, uint32 limit, int64 window_microseconds) {
  if (!report.lost.empty())
    pg::log(LOG, "dynpgext: the crash guard starts without earlier crashes and quarantines: " +
                     report.lost);
  if (report.all_killed)
    pg::log(LOG, "dynpgext: all processes were killed at once; no extension is blamed");
  const std::string within = " times within " + span_of_time(window_microseconds);
  for (const model::blamed &b : report.blamed) {
    const std::string count = std::to_string(b.crashes);
    pg::log(WARNING, describe(b) + " took the server down (" + count + " of " +
                         std::to_string(limit) + within + ")");
    if (!b.newly_quarantined) continue;
    const char *who = b.who.is_role() ? "they" : "it";
    const char *whose = b.who.is_role() ? "Nothing of theirs" : "Nothing of it";
    pg::log(WARNING,
            describe_quarantined(b) + " quarantined: " + who + " took the server down " + count +
                within,
            std::string(whose) + " runs until dynpgext.release(" +
                model::sql_literal(releasing_extension(b)) + ") is called in " +
                (OidIsValid(b.who.home) ? "that database." : "a database that has it."));
  }
}

}  // namespace dynpgext::state
