#include "pg/process.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace dynpgext::pg {

uint64 process_birth(pid_t pid) {
  // Field 22 of /proc/PID/stat, in clock ticks since boot; the preceding name, in parentheses, may
  // contain anything.  Without allocation: it is called in exit callbacks and under locks.
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[1024];
  const ssize_t length = read(file, text, sizeof text - 1);
  (void)close(file);
  if (length <= 0) return 0;
  text[length] = '\0';
  const char *at = std::strrchr(text, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) at = std::strchr(at + 1, ' ');
  return at == nullptr ? 0 : std::strtoull(at, nullptr, 10);
}

moment process_start(pid_t pid) noexcept {
  const auto ticks = static_cast<int64>(process_birth(pid));
  timespec since_boot{};
  if (ticks == 0 || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) return {};
  constexpr int64 second = 1000000;
  const int64 now = int64{since_boot.tv_sec} * second + since_boot.tv_nsec / 1000;
  return moment::now() - duration(now - ticks * second / sysconf(_SC_CLK_TCK));
}

bool process_exists(pid_t pid, uint64 birth) {
  if (pid <= 0 || (kill(pid, 0) != 0 && errno != EPERM)) return false;
  if (birth == 0) return true;
  const uint64 now = process_birth(pid);
  return now == 0 || now == birth;
}

bool waits_for_lock(pid_t pid) {
  if (pid <= 0) return false;
  const PGPROC *process = BackendPidGetProc(pid);
  return process != nullptr && (process->wait_event_info & 0xFF000000U) == PG_WAIT_LOCK;
}

void terminate_process(pid_t pid) {
  if (pid > 0) (void)kill(pid, SIGTERM);
}

void cancel_process(pid_t pid) {
  if (pid > 0) (void)kill(pid, SIGINT);
}

void nudge_process(pid_t pid) {
  if (pid > 0) (void)kill(pid, SIGUSR2);
}

}  // namespace dynpgext::pg
