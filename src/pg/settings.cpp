#include "pg/settings.h"

#include "pg/border.h"
#include "pg/lock_order.h"

namespace dynpgext::pg::settings {
namespace {

constexpr int most_processes = 262143;  // the server's maximum

// Their defaults are in the definitions.
constinit int memory_limit_kb;
constinit int max_owner_memory_kb;
constinit int naptime_ms;
constinit int start_concurrency_value;
constinit int restart_delay_max_ms;
constinit int stop_timeout_ms;
constinit int runner_idle_timeout_ms;
constinit int delay_warning_ms;
constinit int hosting_wait_ms;
constinit int max_workers_value;
constinit int max_runners_value;
constinit int max_own_processes_value;
constinit int max_database_workers_value;
constinit int max_owner_workers_value;
constinit int crash_limit_value;
constinit int crash_window_s;
constinit int max_events_value;
constinit int max_runs_value;
constinit int manifest_limit_kb;
constinit int provisioning_timeout_ms;
constinit bool has_session_timeout = false;  // set for this session
constinit bool safe_mode_value = false;
constinit int restore_value = static_cast<int>(restores::automatic);

constexpr config_enum_entry restore_names[] = {
    {"auto", static_cast<int>(restores::automatic), false},
    {"on", static_cast<int>(restores::on), false},
    {"off", static_cast<int>(restores::off), false},
    {"true", static_cast<int>(restores::on), true},
    {"false", static_cast<int>(restores::off), true},
    {nullptr, 0, false}};

constinit char *allowed_extensions_value = nullptr;
constinit char *hosting_databases_value = nullptr;
using list_check = bool (*)(const char *);
constinit list_check is_allowed_list = nullptr;

// The source of a value is stored with it, also for the value that a rollback or a RESET restores.
// ALTER DATABASE ... SET, allowed for the owner, does not decide whether a superuser's session
// restores.
bool check_restore(int *value, void **, GucSource source) {
  if (source == PGC_S_DATABASE) *value = static_cast<int>(restores::automatic);
  return true;
}

bool check_provisioning_timeout(int *, void **extra, GucSource source) {
  auto *is_of_session = static_cast<bool *>(versions::allocate_for_setting(sizeof(bool)));
  if (is_of_session == nullptr) return false;
  *is_of_session = source > PGC_S_ARGV;
  *extra = is_of_session;
  return true;
}

void assign_provisioning_timeout(int, void *extra) {
  has_session_timeout = extra != nullptr && *static_cast<const bool *>(extra);
}

bool check_allowed_extensions(char **value, void **, GucSource) {
  if (is_allowed_list == nullptr || is_allowed_list(*value)) return true;
  GUC_check_errdetail("It is a list of names, separated by commas; * means all, ! refuses.");
  return false;
}

const config_generic *find_setting(const char *name) {
  for (const config_generic *s : versions::all_settings())
    if (pg_strcasecmp(s->name, name) == 0) return s;
  return nullptr;
}

// A value of a connecting client, or of a role, replaces that of the configuration files until the
// settings are defined; then it is refused, and the files' is lost.
bool has_lost_values() {
  constexpr std::string_view prefix = "dynpgext.";
  for (const config_generic *s : versions::all_settings())
    if (pg_strncasecmp(s->name, prefix.data(), prefix.size()) == 0 && s->source > PGC_S_ARGV)
      return true;
  return false;
}

// A session's value does not count for a setting of the configuration files only.  It has also
// replaced the files' value, so nothing is allowed until the settings are defined.
constinit bool is_value_lost = false;

// In parallel mode the server does not give a new variable its configured value, and sends a
// WARNING to the client.  Until parallel mode ends and the variable is defined, its value is taken
// from the placeholder.
void read_number(const char *name, int *value, int least, int most, GucContext context, int unit,
                 GucIntCheckHook check, GucIntAssignHook assign) {
  const config_generic *held = find_setting(name);
  if (held == nullptr) return;
  if (held->source > PGC_S_ARGV) {
    is_value_lost = is_value_lost || context == PGC_SIGHUP;
    return;
  }
  int found = 0;
  const char *text = GetConfigOption(name, false, false);  // nullptr: it was reset
  if (text == nullptr || !parse_int(text, &found, unit, nullptr) || found < least || found > most)
    return;
  void *extra = nullptr;
  if (check != nullptr && !check(&found, &extra, held->source)) return;
  *value = found;
  if (assign != nullptr) assign(found, extra);
}

void read_safe_mode() {
  const config_generic *held = find_setting(safe_mode_name);
  if (held == nullptr) return;
  is_value_lost = is_value_lost || held->source > PGC_S_ARGV;
  const char *text = GetConfigOption(safe_mode_name, false, false);
  bool found = false;
  if (held->source <= PGC_S_ARGV && text != nullptr && parse_bool(text, &found))
    safe_mode_value = found;
}

void read_allowed_extensions(const char *name, char **value, const char *initial) {
  const config_generic *held = find_setting(name);
  // A reset one has no value, and GetConfigOption() returns '' for it from 18 on.
  const bool is_set = held != nullptr && held->source > PGC_S_DEFAULT;
  const char *found = is_set ? GetConfigOption(name, false, false) : initial;
  if (is_value_lost || (held != nullptr && held->source > PGC_S_ARGV)) found = "!*";
  if (found == nullptr || (is_allowed_list != nullptr && !is_allowed_list(found))) found = initial;
  *value = MemoryContextStrdup(TopMemoryContext, found);
}

// Like DefineCustomIntVariable(), also in parallel mode.
void number(const char *name, const char *what, const char *more, int *value, int initial,
            int least, int most, GucContext context, int unit, GucIntCheckHook check,
            GucIntAssignHook assign, GucShowHook show) {
  *value = initial;  // the server expects it
  if (IsInParallelMode()) {
    read_number(name, value, least, most, context, unit, check, assign);
    return;
  }
  DefineCustomIntVariable(name, what, more, value, initial, least, most, context, unit, check,
                          assign, show);
}

constinit bool is_defined = false;
constinit bool is_postponed = false;

}  // namespace

void set_allowed_extensions_check(bool (*is_list)(const char *)) { is_allowed_list = is_list; }

void define() {
  const bool parallel = IsInParallelMode();
  if (is_defined || (parallel && is_postponed)) return;
  is_defined = !parallel;
  is_postponed = parallel;
  lock_order::acquiring(lock_rank::claim);
  pg::call([] {
    const bool reread = IsUnderPostmaster && !IsInParallelMode() && has_lost_values();
    number(memory_limit_name, "Limits the shared memory that extensions get through dynpgext.",
           "All databases together; -1 means no limit.", &memory_limit_kb, -1, -1, MAX_KILOBYTES,
           PGC_SIGHUP, GUC_UNIT_KB, nullptr, nullptr, nullptr);
    number(max_owner_memory_name,
           "Limits the shared memory that all databases of one owner get through dynpgext.",
           "Superusers have no limit; -1 means no limit.", &max_owner_memory_kb, -1, -1,
           MAX_KILOBYTES, PGC_SIGHUP, GUC_UNIT_KB, nullptr, nullptr, nullptr);
    number(
        "dynpgext.naptime", "Sets the time between two regular checks of dynpgext's launcher.",
        "They find new and dropped databases, and ends of prepared transactions and of recovery.",
        &naptime_ms, 1000, 10, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    number("dynpgext.start_concurrency",
           "Sets the number of databases provisioned at once after a start of the server.",
           "Each takes a background worker slot for a moment.", &start_concurrency_value, 4, 1,
           1000, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    number("dynpgext.restart_delay_max",
           "Sets the longest delay before a worker that ended is restarted.",
           "Delays double up to it. After a run of that length, the first delay applies again.",
           &restart_delay_max_ms, 60000, 1, 24 * 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr,
           nullptr, nullptr);
    number("dynpgext.stop_timeout",
           "Sets the time after SIGTERM until another signal ends a worker.",
           "The log names the worker; commands wait for it up to this time.", &stop_timeout_ms,
           10000, 10, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    number("dynpgext.runner_idle_timeout",
           "Sets the idle time after which a process of SQL workers ends.",
           "A new one starts when the next command is due; -1 means that it stays.",
           &runner_idle_timeout_ms, 10000, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr,
           nullptr);
    number("dynpgext.delay_warning",
           "Sets how long a run of an SQL worker may delay others without a warning.",
           "Others are those of the same database and role; 0 means any time.", &delay_warning_ms,
           10000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    number(
        "dynpgext.hosting_wait",
        "Sets how long a new session waits for libraries that are about to be hosted.",
        "Then it continues without them. With a negative value it is refused instead, unless it is "
        "a superuser's.",
        &hosting_wait_ms, 30000, -3600 * 1000, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr,
        nullptr, nullptr);
    number(max_workers_name, "Limits the number of running workers of extensions.",
           "All databases together; -1 means as many as max_worker_processes allows.",
           &max_workers_value, -1, -1, most_processes, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    number(max_runners_name, "Limits the number of processes of SQL workers, which take turns.",
           "One for each database and role; -1 means the number of slots.", &max_runners_value, -1,
           -1, most_processes, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    number(max_own_processes_name,
           "Limits the processes of SQL workers that have one of their own, which take turns.",
           "For each role in each database; -1 means no limit.", &max_own_processes_value, 4, -1,
           most_processes, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    number(max_database_workers_name,
           "Limits the number of running database-local workers of extensions in a database.",
           "ALTER DATABASE overrides the configuration; -1 means no limit.",
           &max_database_workers_value, -1, -1, most_processes, PGC_SUSET, 0, nullptr, nullptr,
           nullptr);
    number(max_owner_workers_name,
           "Limits the number of running database-local workers of extensions in all databases of "
           "one owner.",
           "Superusers have no limit; -1 means no limit.", &max_owner_workers_value, -1, -1,
           most_processes, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    number("dynpgext.crash_limit",
           "Sets the number of crashes after which a worker or an init is quarantined.",
           "Within dynpgext.crash_window; 0 means never.", &crash_limit_value, 3, 0, 16, PGC_SIGHUP,
           0, nullptr, nullptr, nullptr);
    number("dynpgext.crash_window", "Sets the time within which crashes of the server are counted.",
           nullptr, &crash_window_s, 300, 1, 7 * 24 * 3600, PGC_SIGHUP, GUC_UNIT_S, nullptr,
           nullptr, nullptr);
    number("dynpgext.max_events", "Sets the number of events that dynpgext.events keeps.",
           "Each takes about 640 bytes of shared memory.", &max_events_value, 1000, 1, 1000000,
           PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    number("dynpgext.max_runs", "Sets the number of runs of SQL workers that dynpgext.runs keeps.",
           "Each takes about 500 bytes of shared memory.", &max_runs_value, 1000, 1, 1000000,
           PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    number("dynpgext.manifest_limit", "Limits the size of a manifest for register() and apply().",
           nullptr, &manifest_limit_kb, 1024, 1, 64 * 1024, PGC_SUSET, GUC_UNIT_KB, nullptr,
           nullptr, nullptr);
    number("dynpgext.provisioning_timeout",
           "Limits the run time of an extension's code that provisions it.",
           "In dynpgext's own processes; in a session only if it is set for the session. 0 means "
           "no limit.",
           &provisioning_timeout_ms, 60000, 0, INT_MAX, PGC_SUSET, GUC_UNIT_MS,
           check_provisioning_timeout, assign_provisioning_timeout, nullptr);
    constexpr const char *list = "dynpgext.allowed_extensions";
    safe_mode_value = false;
    if (IsInParallelMode()) {
      read_safe_mode();
      // after all others
      read_allowed_extensions(list, &allowed_extensions_value, "*");
      return;
    }
    DefineCustomBoolVariable(
        safe_mode_name, "Prevents all code of extensions from running.",
        "No init runs and no worker is started; running workers are stopped. For emergencies.",
        &safe_mode_value, false, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    // a parallel worker restores nothing
    DefineCustomEnumVariable(
        "dynpgext.restore", "Sets whether this session restores the database.",
        "Meanwhile no worker of an extension runs there. auto checks for the settings of a dump; "
        "on is valid until dynpgext.end_restore().",
        &restore_value, restore_value, restore_names, PGC_USERSET, 0, check_restore, nullptr,
        nullptr);
    allowed_extensions_value = nullptr;
    DefineCustomStringVariable(
        list, "Lists the extensions that may take part.",
        "Names separated by commas; the first match decides. * is any extension, and !name "
        "refuses.",
        &allowed_extensions_value, "*", PGC_SIGHUP, 0, check_allowed_extensions, nullptr, nullptr);
    hosting_databases_value = nullptr;
    DefineCustomStringVariable(
        hosting_databases_name,
        "Lists the databases that have hosted libraries for sessions, by OID.",
        "Set by dynpgext.host() and unhost(): sessions wait for them after a start of the server.",
        &hosting_databases_value, "", PGC_SIGHUP, GUC_LIST_INPUT | GUC_NOT_IN_SAMPLE, nullptr,
        nullptr, nullptr);
    MarkGUCPrefixReserved("dynpgext");
    if (reread) ProcessConfigFile(PGC_SIGHUP);
  });
}

void define_postponed() {
  if (is_postponed) define();
}

namespace {
template <class T>
const T &defined(const T &value) {
  define();
  return value;
}
}  // namespace

namespace {
std::uint64_t bytes_of(int kilobytes) {
  return kilobytes < 0 ? UINT64_MAX : static_cast<std::uint64_t>(kilobytes) * 1024;
}
}  // namespace

std::uint64_t memory_limit_bytes() { return bytes_of(defined(memory_limit_kb)); }
std::uint64_t max_owner_memory_bytes() { return bytes_of(defined(max_owner_memory_kb)); }
long naptime_milliseconds() { return defined(naptime_ms); }
int start_concurrency() { return defined(start_concurrency_value); }
std::int64_t restart_delay_max_milliseconds() { return defined(restart_delay_max_ms); }
long stop_timeout_milliseconds() { return defined(stop_timeout_ms); }
long runner_idle_timeout_milliseconds() { return defined(runner_idle_timeout_ms); }
long delay_warning_milliseconds() { return defined(delay_warning_ms); }
long hosting_wait_milliseconds() { return std::labs(defined(hosting_wait_ms)); }
bool is_hosting_required() { return defined(hosting_wait_ms) < 0; }
int max_workers() { return defined(max_workers_value); }
int max_runners() { return defined(max_runners_value); }
int max_own_processes() { return defined(max_own_processes_value); }
int max_database_workers() { return defined(max_database_workers_value); }
int max_owner_workers() { return defined(max_owner_workers_value); }
std::uint32_t crash_limit() { return static_cast<std::uint32_t>(defined(crash_limit_value)); }
std::int64_t crash_window_seconds() { return defined(crash_window_s); }
std::int64_t provisioning_timeout_milliseconds(bool of_visit) {
  const int timeout = defined(provisioning_timeout_ms);
  return of_visit || has_session_timeout ? timeout : 0;
}
const char *allowed_extensions() { return defined(allowed_extensions_value); }
bool safe_mode() { return defined(safe_mode_value); }
const char *hosting_databases() {
  const char *list = defined(hosting_databases_value);
  return list == nullptr ? "" : list;
}
std::size_t manifest_limit_bytes() {
  return static_cast<std::size_t>(defined(manifest_limit_kb)) * 1024;
}
std::uint64_t provisioning_digest() {
  return std::hash<std::string>{}(std::to_string(memory_limit_bytes()) + ' ' +
                                  std::to_string(max_owner_memory_bytes()) + ' ' +
                                  std::to_string(defined(provisioning_timeout_ms)) +
                                  (safe_mode() ? " safe " : " ") + allowed_extensions());
}
restores restore() { return static_cast<restores>(defined(restore_value)); }

bool is_of_session(const char *name) {
  const config_generic *found = find_setting(name);
  return found != nullptr && found->source >= PGC_S_CLIENT;
}
bool may_set(const char *name) {
  return call([=] { return pg_parameter_aclcheck(name, GetUserId(), ACL_SET) == ACLCHECK_OK; });
}
std::uint32_t max_events() { return static_cast<std::uint32_t>(defined(max_events_value)); }
std::uint32_t max_runs() { return static_cast<std::uint32_t>(defined(max_runs_value)); }

}  // namespace dynpgext::pg::settings
