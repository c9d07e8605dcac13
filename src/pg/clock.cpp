#include "pg/clock.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace dynpgext::pg {

moment moment::now() noexcept {
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return {int64{now.tv_sec} * 1000000 + now.tv_nsec / 1000};
}

long milliseconds_until(moment then) noexcept {
  if (then == moment::never()) return LONG_MAX;
  const int64 left = (then - moment::now()).count();
  return left <= 0 ? 0 : static_cast<long>((left + 999) / 1000);
}

namespace {

// Difference between a moment and the wall clock.  It changes when the wall clock is set.  Small
// differences from reading two clocks in sequence are ignored, so that a view shows the same time
// twice.
int64 wall_offset() noexcept {
  constexpr std::chrono::milliseconds ignored(1);
  static constinit int64 offset = 0;
  for (int tries = 0; tries < 10; ++tries) {
    const moment before = moment::now();
    const int64 found = GetCurrentTimestamp() - before.microseconds;
    if (moment::now() - before > ignored / 4) continue;  // interrupted in between
    if (duration(std::abs(found - offset)) > ignored) offset = found;
    return offset;
  }
  return GetCurrentTimestamp() - moment::now().microseconds;
}

}  // namespace

TimestampTz wall_time(moment then) noexcept {
  return then.is_set() ? then.microseconds + wall_offset() : 0;
}

uint64 host_boot() noexcept {
  const int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[64];
  const ssize_t length = read(file, text, sizeof text);
  (void)close(file);
  uint64 digest = 0;
  for (ssize_t i = 0; i < length; ++i)
    digest = (digest ^ static_cast<unsigned char>(text[i])) * 0x100000001b3;
  return digest;
}

}  // namespace dynpgext::pg
