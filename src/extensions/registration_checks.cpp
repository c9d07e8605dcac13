#include "extensions/registration_checks.h"

#include "extensions/participant.h"
#include "pg/library.h"

namespace dynpgext::provisioning {
namespace {

// A DSA segment is at most a terabyte.
constexpr size_t max_size = size_t{1} << 40;

void check_encoding(const std::string &text, const std::string &what) {
  if (!pg::call(
          [&text] { return pg_verifymbstr(text.c_str(), static_cast<int>(text.size()), true); }))
    throw pg::error(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
                    what + " is not valid in the encoding of the database");
}

void check_flags(int flags, int known, const std::string &what) {
  if ((flags & ~known) == 0) return;
  char text[32];
  snprintf(text, sizeof text, "0x%x", static_cast<unsigned>(flags & ~known));
  throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE, what + ": unknown flag bits " + text, {},
                  "Reserved bits must be zero.");
}

// A string of a BackgroundWorker: an array that may lack its terminator.
template <size_t Size>
std::string field(const char (&array)[Size], const char *field_name, const std::string &what) {
  const size_t length = strnlen(array, Size);
  if (length == Size)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE, what + ": " + field_name +
                                                         " has no end within its " +
                                                         std::to_string(Size) + " bytes");
  return {array, length};
}

std::string library_of(const BackgroundWorker &bgw, const std::string &own) {
  constexpr size_t size = sizeof bgw.bgw_library_name;
  const std::string named(bgw.bgw_library_name, strnlen(bgw.bgw_library_name, size));
  // strncpy(bgw_library_name, handle->library_name, BGW_MAXLEN) may have truncated it
  const bool cut = named.size() >= std::min<size_t>(size, BGW_MAXLEN) - 1 &&
                   own.compare(0, named.size(), named) == 0;
  return named.empty() || cut ? own : named;
}

void check_function(const std::string &library, const std::string &function,
                    const std::string &what) {
  if (pg::library_file(library).empty())
    throw pg::error(ERRCODE_UNDEFINED_FILE, what + ": there is no library \"" + library + "\"", {},
                    "Leave bgw_library_name empty, or copy handle->library_name into it.");
  if (pg::library_function(library, function.c_str()) != nullptr) return;
  throw pg::error(
      ERRCODE_UNDEFINED_FUNCTION,
      what + ": library \"" + library + "\" has no function \"" + function + "\"", {},
      "The function must be exported: declare it DYNPGEXT_EXPORT, and extern \"C\" in C++.");
}

}  // namespace

model::allocation check_allocation(const std::string &extension, const char *name, size_t size,
                                   int flags) {
  const std::string who = "extension \"" + extension + "\"";
  if (name == nullptr)
    throw pg::error(ERRCODE_NULL_VALUE_NOT_ALLOWED, who + " registers shared memory without a name",
                    "The name is NULL.");
  if (*name == '\0')
    throw pg::error(ERRCODE_INVALID_NAME, who + " registers shared memory with an empty name");
  if (std::strlen(name) > DYNPGEXT_MAX_NAME)
    throw pg::error(ERRCODE_NAME_TOO_LONG,
                    who + " registers shared memory with a name of " +
                        std::to_string(std::strlen(name)) + " bytes",
                    "It begins with \"" + std::string(name, static_cast<size_t>(pg::call([=] {
                                                        return pg_mbcliplen(name, 60, 60);
                                                      }))) +
                        "\".",
                    "Names have at most " + std::to_string(DYNPGEXT_MAX_NAME) + " bytes.");
  const std::string what = who + ", shared memory \"" + name + "\"";
  check_encoding(name, "the name of shared memory that " + who + " registers");
  check_flags(flags, DYNPGEXT_SCOPE_DATABASE_LOCAL, what);
  if (size == 0 || size > max_size)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    what + ": size " + std::to_string(size) + " is out of range", {},
                    "A size is from 1 byte to 1 TiB.");
  model::allocation result;
  result.name = name;
  result.extension = extension;
  result.size = size;
  result.scope =
      (flags & DYNPGEXT_SCOPE_DATABASE_LOCAL) != 0 ? model::scope::database : model::scope::global;
  return result;
}

model::worker check_worker(const std::string &extension, const std::string &library,
                           const BackgroundWorker *bgw, bool has_callback, int flags) {
  const std::string who = "extension \"" + extension + "\"";
  if (bgw == nullptr)
    throw pg::error(ERRCODE_NULL_VALUE_NOT_ALLOWED,
                    who + " registers a background worker that is NULL");
  model::worker result;
  result.extension = extension;
  result.name = field(bgw->bgw_name, "bgw_name", who + ", background worker");
  if (result.name.empty())
    throw pg::error(ERRCODE_INVALID_NAME, who + " registers a background worker without a name", {},
                    "Set bgw_name.");
  const std::string what = who + ", background worker \"" + result.name + "\"";
  check_encoding(result.name, "the name of a background worker that " + who + " registers");
  check_flags(flags, DYNPGEXT_SCOPE_DATABASE_LOCAL | DYNPGEXT_REGISTER_BGWORKER_NOTIFY, what);
  result.type = field(bgw->bgw_type, "bgw_type", what);
  if (result.type.empty()) result.type = result.name;
  check_encoding(result.type, what + ": bgw_type");
  result.function = field(bgw->bgw_function_name, "bgw_function_name", what);
  if (result.function.empty())
    throw pg::error(ERRCODE_INVALID_NAME, what + ": bgw_function_name is empty");
  constexpr int known_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION
#ifdef BGWORKER_INTERRUPTIBLE
                              | BGWORKER_INTERRUPTIBLE
#endif
      ;
  if ((bgw->bgw_flags & BGWORKER_SHMEM_ACCESS) == 0 || (bgw->bgw_flags & ~known_flags) != 0)
    throw pg::error(
        ERRCODE_INVALID_PARAMETER_VALUE,
        what + ": bgw_flags " + std::to_string(bgw->bgw_flags) + " is not possible", {},
        "Set BGWORKER_SHMEM_ACCESS, and BGWORKER_BACKEND_DATABASE_CONNECTION to use a database.");
  const bool connects = (bgw->bgw_flags & BGWORKER_BACKEND_DATABASE_CONNECTION) != 0;
  if (bgw->bgw_start_time < BgWorkerStart_PostmasterStart ||
      bgw->bgw_start_time > BgWorkerStart_RecoveryFinished ||
      (connects && bgw->bgw_start_time == BgWorkerStart_PostmasterStart))
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE, what + ": bgw_start_time is not possible", {},
                    "Use BgWorkerStart_ConsistentState or BgWorkerStart_RecoveryFinished.");
  result.library = library_of(*bgw, library);
  check_function(result.library, result.function, what);
  result.scope =
      (flags & DYNPGEXT_SCOPE_DATABASE_LOCAL) != 0 ? model::scope::database : model::scope::global;
  result.flags = static_cast<std::uint32_t>(bgw->bgw_flags);
  result.start = static_cast<std::uint32_t>(bgw->bgw_start_time);
  result.notify =
      (flags & DYNPGEXT_REGISTER_BGWORKER_NOTIFY) != 0 || bgw->bgw_notify_pid == MyProcPid;
  result.has_callback = has_callback;
  std::memcpy(result.extra.data(), bgw->bgw_extra, result.extra.size());
  result.argument =
      result.scope == model::scope::global ? static_cast<std::uint64_t>(bgw->bgw_main_arg) : 0;
  return result;
}

// An appended member must not overlap the padding of an older caller's struct.
static_assert(sizeof(dynpgext_bgworker_options) ==
              offsetof(dynpgext_bgworker_options, reserved) + sizeof(int));

void check_options(const dynpgext_bgworker_options *options, model::worker &worker) {
  if (options == nullptr) return;
  const std::string what =
      "extension \"" + worker.extension + "\", background worker \"" + worker.name + "\"";
  dynpgext_bgworker_options given{};
  // no header has had a shorter one
  if (options->size < sizeof given || options->size % alignof(dynpgext_bgworker_options) != 0)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    what + ": options of " + std::to_string(options->size) + " bytes", {},
                    "Set options.size to sizeof(dynpgext_bgworker_options).");
  // members appended by a newer header are unknown here, and must be zero
  const auto *bytes = reinterpret_cast<const char *>(options);
  for (size_t i = sizeof given; i < options->size; ++i)
    if (bytes[i] != 0)
      throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                      what + ": options that this version of dynpgext does not know", {},
                      "Update dynpgext, or leave them out.");
  std::memcpy(&given, options, sizeof given);
  if (given.restart < DYNPGEXT_RESTART_NEVER || given.restart > DYNPGEXT_RESTART_ALWAYS)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    what + ": restart policy " + std::to_string(given.restart) + " is not possible",
                    {}, "Use one of DYNPGEXT_RESTART_...");
  const auto check = [&](const char *name, int64 milliseconds) {
    if (milliseconds >= 0 && milliseconds <= model::max_restart_delay) return;
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    what + ": " + name + " of " + std::to_string(milliseconds) +
                        " ms is out of range",
                    {}, "It is at most a day, 86400000.");
  };
  if (given.reserved != 0)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE, what + ": options.reserved is not 0");
  if (given.servers < DYNPGEXT_RUN_BY_START_TIME || given.servers > DYNPGEXT_RUN_ON_BOTH)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    what + ": servers " + std::to_string(given.servers) + " is not possible", {},
                    "Use one of DYNPGEXT_RUN_...");
  if (given.servers >= DYNPGEXT_RUN_ON_STANDBY && worker.start == BgWorkerStart_RecoveryFinished)
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                    what + ": it should run on standbys, but starts when recovery has finished", {},
                    "Set bgw_start_time to BgWorkerStart_ConsistentState.");
  check("restart_delay", given.restart_delay);
  check("deadline", given.deadline);
  worker.restart = static_cast<model::restart_policy>(given.restart);
  if (given.restart_delay > 0) worker.restart_delay = given.restart_delay;
  worker.deadline = given.deadline;
  worker.role = static_cast<model::server_role>(given.servers);
}

}  // namespace dynpgext::provisioning
