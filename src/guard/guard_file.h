// The file of the crash guard: what is in it, and this process's map of it.  For guard/guard.cpp
// alone; see guard/guard.h.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "model/crash_guard.h"
#include "pg/mapped_file.h"
#include "shared/entries.h"

namespace dynpgext::state::guard_file {

using worker_name = pg::fixed_string<BGW_MAXLEN>;

enum class record_state : uint32 {
  unused,
  armed,
  exited,
  quit,
  left,   // the launcher's, when it ended well
  spared  // was alive when the postmaster killed the bystanders of a crash
};
enum class record_kind : uint32 { code, worker, command, launcher };

struct alignas(64) record {
  std::atomic<uint64> word;  // the pid, and in the lower half a record_state
  record_kind kind;
  std::atomic<bool> is_nested;  // armed within a parallel query, whose workers it says nothing of
  Oid home;
  Oid role;  // of a command
  extension_name extension;
  worker_name worker;
};

// Maps the file on the first call; without a log, for locks may be held.
[[nodiscard]] bool usable() noexcept;
// The same as far as that is known; async-signal-safe.
[[nodiscard]] bool is_known_usable() noexcept;
// The next call of usable() looks again.
void look_again() noexcept;
// Why it is not usable, where that has not been told yet.
void log_failure_once() noexcept;
// Where it is usable: two for each process that there can be at once, for one that has ended badly
// has given its place to another before the postmaster sees it.
[[nodiscard]] std::span<record> records();

// Of this run of the server, with the lock of whoever changes them.
[[nodiscard]] std::vector<model::suspect> read_suspects();
void write_suspects(const std::vector<model::suspect> &suspects);

// --- for the first process of a run of the server ---
// Maps what the last run has left; why it says nothing, where there is something that is not the
// file of a guard of this server.
[[nodiscard]] std::string map_last_run();
// Is there anything that the last run has left?
[[nodiscard]] bool is_known();
// Their crashes, as the file has them, on the clock of this boot of the host.
void follow_host(std::vector<model::suspect> &suspects, const model::instant &now);
// From now on it is this run's: empty but for the suspects, and made anew where it has to be.
void begin_run(const std::vector<model::suspect> &suspects, const model::instant &now);

}  // namespace dynpgext::state::guard_file
