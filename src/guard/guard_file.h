// The file of the crash guard: its content, and this process's map of it.  Only for
// guard/guard.cpp; see guard/guard.h.
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
  left,   // the launcher's, when it ended normally
  spared  // was alive when the postmaster killed the bystanders of a crash
};
enum class record_kind : uint32 { code, worker, command, launcher };

struct alignas(64) record {
  std::atomic<uint64> word;  // the pid, and in the lower half a record_state
  record_kind kind;
  std::atomic<bool> is_nested;  // armed within a parallel query: not for its workers
  Oid home;
  Oid role;  // of a command
  extension_name extension;
  worker_name worker;
};

// Maps the file on the first call; does not log, because locks may be held.
[[nodiscard]] bool usable() noexcept;
// The result of an earlier usable(); async-signal-safe.
[[nodiscard]] bool is_known_usable() noexcept;
// The next usable() tries again.
void look_again() noexcept;
// Logs why it is not usable, once.
void log_failure_once() noexcept;
// If it is usable: two for each possible process, because a process that has ended badly has given
// its slot to another before the postmaster notices.
[[nodiscard]] std::span<record> records();

// Of this run of the server, with the lock that guards changes.
[[nodiscard]] std::vector<model::suspect> read_suspects();
void write_suspects(const std::vector<model::suspect> &suspects);

// --- for the first process of a run of the server --- Maps the file of the last run.  Returns why
// it is void, if it exists and is not this server's guard file.
[[nodiscard]] std::string map_last_run();
// Does data of the last run exist?
[[nodiscard]] bool is_known();
// Their crashes, converted from the file to the clock of this boot of the host.
void follow_host(std::vector<model::suspect> &suspects, const model::instant &now);
// From now on the file is this run's: empty except for the suspects, and made anew if necessary.
void begin_run(const std::vector<model::suspect> &suspects, const model::instant &now);

}  // namespace dynpgext::state::guard_file
