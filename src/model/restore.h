// Restores: when a session is taken for one, and when the restore is over.  While a database is
// being restored, nothing of dynpgext's runs in it: rows that are still to come would meet those
// that workers write, and the settings of the DBA are not there yet.
//
//   (none) --a session that restores commits registrations--> under way
//   (none) --begin_restore(), or dynpgext.restore is on-----> until told
//   under way --its sessions have ended, and no other came--> (none)
//   under way --one of them has broken off, and then so-----> interrupted: the row is of no boot
//   under way --the server has started anew-----------------> interrupted: it is of another boot
//   interrupted --another session that restores-------------> under way
//   any --end_restore()-------------------------------------> (none)
//
// A session has broken off when it ends otherwise than its client asks for: the client was killed
// or lost, or somebody has terminated the session.  The data may be in part then, and a client that
// fails in good order has told its user.
//
// What is true of a database is a row in it, so that it lasts.  Who is restoring is known in shared
// memory only: after a start of the server nobody is.
#pragma once

#include <cstdint>
#include <optional>

namespace dynpgext::model {

// The row of a database that is being restored.
struct restore {
  std::int64_t boot = 0;    // the run of the server in which it began
  bool until_told = false;  // not over before end_restore()
  // It has created dynpgext in the database, and other sessions may go on with it: what they bring
  // was dumped from tables that only superusers could write.
  bool brings_dynpgext = false;
  bool operator==(const restore &) const = default;
};

enum class restore_setting : std::uint8_t { automatic, on, off };  // dynpgext.restore

// What of a session tells that it runs the output of pg_dump.
struct session_look {
  bool is_client = false;              // and no background process
  bool may_restore = false;            // a superuser, or whose the database is
  bool checks_function_bodies = true;  // check_function_bodies
  bool has_search_path = true;         // search_path names something
  bool hears_only_warnings = false;    // client_min_messages = warning
};
// Every dump begins with these three, and hardly anybody else sets any of them.
[[nodiscard]] bool is_restoring(const session_look &look, restore_setting setting);

// The row that follows when a session that restores commits registrations.
[[nodiscard]] restore joined(const std::optional<restore> &known, std::int64_t boot,
                             restore_setting setting, bool brings_dynpgext = false);

// Has it created dynpgext, in this run of the server?
[[nodiscard]] bool has_brought_dynpgext(const std::optional<restore> &known, std::int64_t boot);

// The row that follows when it has broken off.
[[nodiscard]] restore interrupted(const restore &known);

// Can it be over by itself?
[[nodiscard]] bool ends_with_sessions(const restore &r, std::int64_t boot);

// pg_restore --jobs leaves the database for a moment, before and after its parallel part.
inline constexpr std::int64_t restore_gap = 3'000'000;  // microseconds

struct restore_watch {
  bool somebody_restores = false;
  bool may_reconnect = false;    // by pg_restore
  std::int64_t quiet_since = 0;  // 0: somebody was there when it was last looked at
};
// When it is over: now or earlier, or a later time, with nobody there until then; nothing: not as
// long as somebody is.  Microseconds.
[[nodiscard]] std::optional<std::int64_t> over_at(const restore_watch &watch, std::int64_t now);

}  // namespace dynpgext::model
