// The crash guard: finds out which extension has taken the server down, and quarantines one that
// does so repeatedly.  The decisions are in model/crash_guard.h.
//
// Its data outlives shared memory in a file that processes map: a table of suspects, and records
// for each process slot of the server.  A process arms the record of its slot while it runs an
// extension's code; see pg/crash_exit.h for the record at its end.  The first process that attaches
// to new shared memory judges by the records left armed, before anything can be started.  Suspects
// are guarded by root.lock.  Records need no lock: only the process that has the slot writes a
// record.
//
// Scenarios:
//
//   a worker crashes             its record is left armed: it is blamed
//   an extension's init crashes  the extension is blamed, in that database
//   an SQL worker's command does its role and database are blamed, whatever the worker's name
//   others die in the same crash the postmaster's SIGQUIT disarms their records (pg/crash_exit.h)
//   a parallel worker crashes    it is armed for its leader's suspect, which is blamed
//   the launcher is armed, too   everything was killed at once: nobody is blamed
//   the host restarts            the clock starts anew: crashes keep their age (follow_host())
//   too many within the window   quarantined, until release() or a superuser's DROP EXTENSION
//   the database is dropped      its suspects are removed (forget_home())
//   the file is damaged          it is made anew, and the log has the reason
//
// If the file cannot be made or mapped, there is no guard, and everything else works.
#pragma once

#include "model/crash_guard.h"
#include "shared/root.h"

namespace dynpgext::state {

using guarded_identity = model::guarded_identity;

// Arms this process's record until its end.  Call it before any code of the extension runs in the
// process, and after attach(); otherwise, and in single-user mode, it does nothing.  Never fails.
void guard_worker(const worker_key &key) noexcept;
void guard_launcher() noexcept;
// The launcher ends because there is nothing to launch: its record is no evidence from now on.
void unguard_launcher() noexcept;

// In a parallel worker: arms its record for the leader's suspect, until its end.  The worker runs
// the leader's code, and the leader is a bystander when the worker crashes.  Also before attach():
// a leader with an armed record has attached.
void guard_as_leader() noexcept;

// Arms the record while code of an extension runs in this process, in the database that it is
// connected to; otherwise as above.  May be nested: the inner extension is guarded then.  In the
// process of a worker, the record stays the worker's.
class guarded_code {
 public:
  [[nodiscard]] explicit guarded_code(std::string_view extension, Oid home = MyDatabaseId) noexcept;
  guarded_code(const guarded_code &) = delete;
  guarded_code &operator=(const guarded_code &) = delete;
  ~guarded_code();

 private:
  bool is_armed_ = false;
  bool is_inner_ = false;
  bool outer_is_nested_ = false;
  Oid outer_home_ = InvalidOid;
  extension_name outer_extension_{};
};

// Arms the record while a worker's command runs in a process shared by several.  A crash counts for
// the role, in the database that this process is connected to.
class guarded_command {
 public:
  [[nodiscard]] guarded_command(const worker_key &key, Oid role) noexcept;
  guarded_command(const guarded_command &) = delete;
  guarded_command &operator=(const guarded_command &) = delete;
  ~guarded_command();
};

struct crash_report {
  std::vector<model::blamed> blamed;
  bool all_killed = false;
  std::string lost;        // why the file had to be made anew; empty if it was not
  uint32 quarantined = 0;  // number of quarantined, including earlier crashes; 0 with a limit of 0
};

// Once for each shared memory, by the process that makes it, under root.lock, before others can use
// it.  Also makes the file.  On success it raises no server error; raises an error of ours if the
// file cannot be used.  The report is logged without the lock.
[[nodiscard]] crash_report judge_last_run(uint32 limit, int64 window_microseconds);
void log_report(const crash_report &report, uint32 limit, int64 window_microseconds);

// The caller holds root.lock, for all except the first exclusively; they return whether anything
// has changed.  Empty without a file.
[[nodiscard]] std::vector<model::suspect> quarantines();
// Has the extension, or one of its workers, of this home crashed the server within the window?
[[nodiscard]] bool is_suspected(Oid home, const std::string &extension);
bool release(Oid home, const std::string &extension);
bool release_roles(Oid database, const std::string &extension, std::span<const Oid> roles);
bool forget_home(Oid database);

}  // namespace dynpgext::state
