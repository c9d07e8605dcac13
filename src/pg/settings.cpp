#include "pg/settings.h"

#include "pg/border.h"

namespace dynpgext::pg::settings {
namespace {

constinit int memory_limit_kb = -1;
constinit int naptime_ms = 1000;
constinit int start_concurrency_value = 4;

}  // namespace

void define() {
  static constinit bool defined = false;
  if (std::exchange(defined, true)) return;
  pg::call([] {
    DefineCustomIntVariable("dynpgext.memory_limit",
                            "Limits the shared memory that extensions get through dynpgext.",
                            "All databases together; -1 means no limit.", &memory_limit_kb, -1, -1,
                            MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "dynpgext.naptime", "Sets how often dynpgext's launcher looks without being told.",
        "New and dropped databases, ends of prepared transactions and of recovery are found then.",
        &naptime_ms, 1000, 10, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "dynpgext.start_concurrency",
        "Sets how many databases are provisioned at once after a start of the server.",
        "Each takes a background worker slot for a moment.", &start_concurrency_value, 4, 1, 1000,
        PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("dynpgext");
  });
}

std::uint64_t memory_limit_bytes() {
  define();
  return memory_limit_kb < 0 ? UINT64_MAX : static_cast<std::uint64_t>(memory_limit_kb) * 1024;
}
long naptime_milliseconds() { return naptime_ms; }
int start_concurrency() { return start_concurrency_value; }

}  // namespace dynpgext::pg::settings
