// Restores: which sessions count as one, and when the restore is over.  While a database is being
// restored, no worker runs in it: rows that are still to be copied would collide with rows that
// workers write, and the DBA's settings are still missing.
//
//   (none) --a session that restores commits registrations--> under way
//   (none) --begin_restore(), or dynpgext.restore is on-----> until told
//   under way --its sessions have ended, and no other came--> (none)
//   under way --one of them has broken off, and then so-----> interrupted: the row is of no boot
//   under way --the server has started anew-----------------> interrupted: it is of another boot
//   interrupted --another session that restores-------------> under way
//   any --end_restore()-------------------------------------> (none)
//
// A session has broken off when it ends without its client's request: the client was killed or
// lost, or somebody has terminated the session.  The data may be incomplete then.  A client that
// ends normally has shown its user any error.
//
// The state of a database is a row in it, so that it lasts.  The restoring sessions are only in
// shared memory: after a start of the server there is none.
#pragma once

#include <cstdint>
#include <optional>

namespace dynpgext::model {

// The row of a database that is being restored.
struct restore {
  std::int64_t boot = 0;    // the run of the server in which it began
  bool until_told = false;  // ends only by end_restore()
  // It has created dynpgext in the database, and other sessions may continue it: its rows were
  // dumped from tables that only superusers could write.
  bool brings_dynpgext = false;
  bool operator==(const restore &) const = default;
};

enum class restore_setting : std::uint8_t { automatic, on, off };  // dynpgext.restore

// Signs that a session runs the output of pg_dump.
struct session_look {
  bool is_client = false;              // not a background process
  bool may_restore = false;            // a superuser, or has the rights of the database's owner
  bool checks_function_bodies = true;  // check_function_bodies
  bool has_search_path = true;         // search_path names something
  bool hears_only_warnings = false;    // client_min_messages = warning
};
// Every dump begins with these three settings, and hardly anybody else sets any of them.
[[nodiscard]] bool is_restoring(const session_look &look, restore_setting setting);

// The row after a restoring session has committed registrations.
[[nodiscard]] restore joined(const std::optional<restore> &known, std::int64_t boot,
                             restore_setting setting, bool brings_dynpgext = false);

// Has it created dynpgext, in this run of the server?
[[nodiscard]] bool has_brought_dynpgext(const std::optional<restore> &known, std::int64_t boot);

// The row after it has broken off.
[[nodiscard]] restore interrupted(const restore &known);

// Can it be over by itself?
[[nodiscard]] bool ends_with_sessions(const restore &r, std::int64_t boot);

// pg_restore --jobs leaves the database for a moment, before and after its parallel part.
inline constexpr std::int64_t restore_gap = 3'000'000;  // microseconds

struct restore_watch {
  bool somebody_restores = false;
  bool may_reconnect = false;    // as pg_restore does
  std::int64_t quiet_since = 0;  // 0: a session existed at the last check
};
// When it is over, if no session appears: a past or future time; nullopt: while a session exists.
// Microseconds.
[[nodiscard]] std::optional<std::int64_t> over_at(const restore_watch &watch, std::int64_t now);

}  // namespace dynpgext::model
