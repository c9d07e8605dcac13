#include "model/host_symbols.h"

#include <algorithm>
#include <array>

namespace dynpgext::model {
namespace {

using n = host_need;
using t = treatment;

constexpr auto table = std::to_array<host_symbol>({
    // shared memory
    {"RequestAddinShmemSpace", 15, n::memory, t::function, "adds to the size of the window"},
    {"ShmemInitStruct", 15, n::memory, t::function, "a struct in the window"},
    {"ShmemInitHash", 15, n::memory, t::function, "a hash table in the window"},
    {"ShmemAlloc", 15, n::memory, t::function, "memory of the window"},
    {"ShmemAllocNoError", 15, n::memory, t::function, "memory of the window"},
    {"RegisterShmemCallbacks", 19, n::memory, t::function, "called as the server does"},
    {"ShmemRequestStructWithOpts", 19, n::memory, t::function, "a struct in the window"},
    {"ShmemRequestHashWithOpts", 19, n::memory, t::function, "a hash table in the window"},
    {"shmem_request_hook", 15, n::memory, t::variable, "called before the window is made"},
    {"shmem_startup_hook", 15, n::memory, t::variable, "called when the window is there"},
    {"process_shmem_requests_in_progress", 15, n::memory, t::variable, "true in that hook"},
    {"UsedShmemSegAddr", 15, n::memory, t::variable, "not null once the window is there"},
    {"ShmemAddrIsValid", 15, n::memory, t::forbidden,
     "It asks whether an address is in the server's own shared memory, and a window is not."},
    {"GetNamedDSMSegment", 17, n::memory, t::as_it_is, "made at any time"},
    {"GetNamedDSA", 19, n::memory, t::as_it_is, "made at any time"},
    {"GetNamedDSHash", 19, n::memory, t::as_it_is, "made at any time"},
    // locks
    {"RequestNamedLWLockTranche", 15, n::lock_tranches, t::function, "locks in the window"},
    {"GetNamedLWLockTranche", 15, n::lock_tranches, t::function, "these"},
    {"LWLockNewTrancheId", 15, n::lock_tranches, t::as_it_is, "made at any time"},
    {"LWLockRegisterTranche", 15, n::lock_tranches, t::as_it_is, "made at any time"},
    // workers
    {"RegisterBackgroundWorker", 15, n::static_workers, t::function, "started and supervised"},
    {"RegisterDynamicBackgroundWorker", 15, n::dynamic_workers, t::function,
     "started with what is hosted"},
    // settings
    {"DefineCustomBoolVariable", 15, n::settings, t::function, "also those of the server's start"},
    {"DefineCustomIntVariable", 15, n::settings, t::function, "also those of the server's start"},
    {"DefineCustomRealVariable", 15, n::settings, t::function, "also those of the server's start"},
    {"DefineCustomStringVariable", 15, n::settings, t::function,
     "also those of the server's start"},
    {"DefineCustomEnumVariable", 15, n::settings, t::function, "also those of the server's start"},
    // its own libraries
    {"load_file", 15, n::other_libraries, t::function, "hosted with it"},
    {"load_external_function", 15, n::other_libraries, t::function, "hosted with it"},
    // files with fixed names, see model/instance_files.h
    {"AllocateFile", 15, n::files, t::function, "a file of the instance's own"},
    {"OpenTransientFile", 15, n::files, t::function, "a file of the instance's own"},
    {"OpenTransientFilePerm", 15, n::files, t::function, "a file of the instance's own"},
    {"PathNameOpenFile", 15, n::files, t::function, "a file of the instance's own"},
    {"PathNameOpenFilePerm", 15, n::files, t::function, "a file of the instance's own"},
    {"BasicOpenFile", 15, n::files, t::function, "a file of the instance's own"},
    {"BasicOpenFilePerm", 15, n::files, t::function, "a file of the instance's own"},
    {"durable_rename", 15, n::files, t::function, "a file of the instance's own"},
    {"durable_unlink", 15, n::files, t::function, "a file of the instance's own"},
    {"fsync_fname", 15, n::files, t::function, "a file of the instance's own"},
    {"fsync_fname_ext", 15, n::files, t::function, "a file of the instance's own"},
    // the same of the C library
    {"open", 15, n::files, t::function, "a file of the instance's own"},
    {"open64", 15, n::files, t::function, "a file of the instance's own"},
    {"__open_2", 15, n::files, t::function, "a file of the instance's own"},
    {"__open64_2", 15, n::files, t::function, "a file of the instance's own"},
    {"fopen", 15, n::files, t::function, "a file of the instance's own"},
    {"fopen64", 15, n::files, t::function, "a file of the instance's own"},
    {"rename", 15, n::files, t::function, "a file of the instance's own"},
    {"unlink", 15, n::files, t::function, "a file of the instance's own"},
    {"remove", 15, n::files, t::function, "a file of the instance's own"},
    {"access", 15, n::files, t::function, "a file of the instance's own"},
    {"stat", 15, n::files, t::function, "a file of the instance's own"},
    {"stat64", 15, n::files, t::function, "a file of the instance's own"},
    {"lstat", 15, n::files, t::function, "a file of the instance's own"},
    {"lstat64", 15, n::files, t::function, "a file of the instance's own"},
    // the start of the server
    {"process_shared_preload_libraries_in_progress", 15, n::start, t::variable,
     "true in its _PG_init"},
    {"process_shared_preload_libraries_done", 15, n::start, t::as_it_is, "true in sessions"},
    {"IsUnderPostmaster", 15, n::start, t::variable, "false in the keeper"},
    {"IsPostmasterEnvironment", 15, n::start, t::as_it_is, "true"},
    {"PostmasterPid", 15, n::start, t::as_it_is, "its pid"},
    {"PostmasterContext", 15, n::start, t::as_it_is, "gone in every process but the postmaster"},
    {"PostmasterIsAliveInternal", 15, n::start, t::as_it_is, "at any time"},
    {"postmaster_possibly_dead", 15, n::start, t::as_it_is, "at any time"},
    {"PostmasterMarkPIDForWorkerNotify", 15, n::start, t::as_it_is, "at any time"},
    {"before_shmem_exit", 15, n::start, t::as_it_is, "in each process"},
    {"on_shmem_exit", 15, n::start, t::as_it_is, "in each process"},
    {"cancel_before_shmem_exit", 15, n::start, t::as_it_is, "in each process"},
    {"shmem_exit_inprogress", 15, n::start, t::as_it_is, "in each process"},
    {"ShmemVariableCache", 15, n::start, t::as_it_is, "the server's counters"},
    {"RmgrTable", 15, n::start, t::as_it_is, "what the server has"},
    {"RmgrNotFound", 15, n::start, t::as_it_is, "at any time"},
    // hooks that run before a session's libraries are loaded
    {"ClientAuthentication_hook", 15, n::hooks, t::limited,
     "It is called before session_preload_libraries are loaded, and so never."},
    {"openssl_tls_init_hook", 15, n::hooks, t::limited,
     "It is called before session_preload_libraries are loaded, and so never."},
    // registrations that the server needs before recovery, or before it starts its own processes
    {"RegisterCustomRmgr", 15, n::resource_manager, t::forbidden,
     "Recovery has to know it from the start of the server."},
    {"pgstat_register_kind", 18, n::statistics_kind, t::forbidden,
     "The checkpointer writes the statistics, and has to know the kind from its start."},
});

constexpr std::string_view parts_of_names[] = {"Shmem",
                                               "shmem_",
                                               "Postmaster",
                                               "postmaster",
                                               "Rmgr",
                                               "Tranche",
                                               "PGSharedMemory",
                                               "RequestNamed",
                                               "RequestAddin",
                                               "SimpleLru",
                                               "RegisterBackgroundWorker",
                                               "RegisterCustom",
                                               "pgstat_register",
                                               "process_shared_preload",
                                               "process_session_preload"};
// Names that contain such a part, but concern only the process.
constexpr std::string_view harmless[] = {"RegisterCustomScanMethods"};

}  // namespace

const char *name_of(host_need need) {
  switch (need) {
    case host_need::memory: return "shared memory";
    case host_need::lock_tranches: return "lock tranches";
    case host_need::static_workers: return "static workers";
    case host_need::dynamic_workers: return "dynamic workers";
    case host_need::hooks: return "hooks";
    case host_need::settings: return "settings";
    case host_need::other_libraries: return "other libraries";
    case host_need::files: return "files";
    case host_need::start: return "start of the server";
    case host_need::resource_manager: return "resource manager";
    case host_need::statistics_kind: return "statistics kind";
    case host_need::unknown: return "unknown symbol";
  }
  return "";
}

std::span<const host_symbol> host_symbols() { return table; }

const host_symbol *find_host_symbol(std::string_view name) {
  const auto *const found = std::find_if(table.begin(), table.end(),
                                         [name](const host_symbol &s) { return s.name == name; });
  return found == table.end() ? nullptr : found;
}

bool concerns_start(std::string_view name) {
  if (std::find(std::begin(harmless), std::end(harmless), name) != std::end(harmless)) return false;
  return std::any_of(
      std::begin(parts_of_names), std::end(parts_of_names),
      [name](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

bool is_hook(std::string_view name) { return name.ends_with("_hook"); }

}  // namespace dynpgext::model
