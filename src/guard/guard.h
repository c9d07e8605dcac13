// The crash guard: finds out which extension has taken the server down, and quarantines the one
// that does so again and again.  What decides is in model/crash_guard.h.
//
// What it knows outlives shared memory in a file that processes map: a table of suspects, and a
// record for each process slot of the server.  A process arms the record of its slot while it runs
// an extension's code; see pg/crash_exit.h for what becomes of the record at its end.  The first
// process that attaches to new shared memory judges by the records that were left armed, before
// anything can be started.  Suspects are guarded by root.lock; a record by nothing, for only the
// process that has its slot writes it.
//
// Scenarios:
//
//   a worker crashes             its record is left armed: it is blamed
//   an extension's init crashes  so is the extension, in that database
//   an SQL worker's command does so are its role and database, whatever the worker is called
//   others die in the same crash the postmaster's SIGQUIT disarms their records (pg/crash_exit.h)
//   a parallel worker crashes    it is armed for whom its leader is: that one is blamed
//   the launcher alone is armed  something killed all at once: nobody is blamed
//   the host restarts            the clock begins anew: crashes keep their age (follow_host())
//   too many within the window   quarantined, until release() or a superuser's DROP EXTENSION
//   the database is dropped      what is known of it goes (forget_home())
//   the file is damaged          everything in it is forgotten, and the log says why
//
// Where the file cannot be made or mapped there is no guard, and everything else works as always.
#pragma once

#include "model/crash_guard.h"
#include "shared/root.h"

namespace dynpgext::state {

using guarded_identity = model::guarded_identity;

// Arms this process's record until its end.  Before any code of the extension runs in it, and after
// attach(); otherwise, and in single-user mode, nothing is done.  Never fails.
void guard_worker(const worker_key &key) noexcept;
void guard_launcher() noexcept;
// It ends because there is nothing to launch: its record says nothing from now on.
void unguard_launcher() noexcept;

// In a parallel worker: arms its record for whoever the leader's is armed for, until its end.  What
// the worker runs is the leader's, and the leader itself is a bystander when the worker crashes.
// Also before attach(): a leader whose record is armed has attached.
void guard_as_leader() noexcept;

// Arms it while code of an extension runs in this process, in the database that it is connected to;
// as above otherwise.  May be nested: inside, the inner extension is the one that is guarded.  In
// the process of a worker the worker stays it.
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

// Arms it while a worker's command runs in the process that runs those of others, too.  A crash
// counts for the role, in the database that this process is connected to.
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
  std::string lost;  // why all that was known is, and had to be begun anew; empty where it is not
  uint32 quarantined = 0;  // how many are, with those of earlier crashes; 0 with a limit of 0
};

// Once for each shared memory, by the process that makes it, under root.lock, before others can do
// anything with it.  Also makes the file.  Raises nothing of the server's on success; an error of
// ours when the file cannot be used.  The report is logged without the lock.
[[nodiscard]] crash_report judge_last_run(uint32 limit, int64 window_microseconds);
void log_report(const crash_report &report, uint32 limit, int64 window_microseconds);

// The caller holds root.lock, for all but the first exclusively; whether anything has changed.
// Nothing is there where there is no file.
[[nodiscard]] std::vector<model::suspect> quarantines();
// Has the extension, or a worker of it, of this home crashed the server within the window?
[[nodiscard]] bool is_suspected(Oid home, const std::string &extension);
bool release(Oid home, const std::string &extension);
bool release_roles(Oid database, const std::string &extension, std::span<const Oid> roles);
bool forget_home(Oid database);

}  // namespace dynpgext::state
