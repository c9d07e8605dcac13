// Replacements of functions of the server and the C library, once for each place of a hosted
// library in this process; model/host_symbols.cpp describes each.  The server calls none of them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hosting/dynamic_worker.h"
#include "hosting/files.h"
#include "hosting/library.h"
#include "hosting/loading.h"
#include "hosting/own_setting.h"
#include "hosting/shared_table.h"
#include "pg/file.h"

namespace dynpgext::hosting {
namespace {

struct named_address {
  std::string_view name;
  void *address;
};

template <class Function>
void *address_of(Function *function) {
  return reinterpret_cast<void *>(function);
}

template <class Define>
void define(int place, const char *name, GucContext context, Define call_server) {
  pg::entry([=] {
    setting_definition definition(*library_at(place), name, context);
    pg::call(call_server);
    definition.done();
  });
}

template <int Place>
struct functions {
  static library &mine() { return *library_at(Place); }

  // ---- shared memory

  static void request_space(Size size) { mine().requested += size; }
  static void *init_struct(const char *name, Size size, bool *found) {
    return pg::entry([=] { return mine().init_struct(name, size, found); });
  }
  static void *allocate(Size size) {
    return pg::entry([=] { return mine().window.require(size); });
  }
  static void *allocate_if_possible(Size size) {
    return mine().window.is_open() ? mine().window.take(size) : nullptr;
  }
#if DYNPGEXT_SHMEM_CALLBACKS
  static HTAB *init_table(const char *name, int64 size, HASHCTL *control, int flags) {
    return pg::entry([=] { return hosting::init_table(mine(), name, size, control, flags); });
  }
  static void register_callbacks(const ShmemCallbacks *callbacks) {
    pg::entry([=] { mine().callbacks.push_back(*callbacks); });
  }
  static void request_struct(const ShmemStructOpts *options) {
    pg::entry([=] {
      mine().requested += bytes_for(*options);
      mine().shared_requests.push_back({false, *options, {}});
    });
  }
  static void request_table(const ShmemHashOpts *options) {
    pg::entry([=] {
      mine().requested += bytes_for(*options);
      mine().shared_requests.push_back({true, {}, *options});
    });
  }
#else
  static HTAB *init_table(const char *name, long least, long most, HASHCTL *control, int flags) {
    return pg::entry([=] {
      return hosting::init_table(mine(), name, least, most, control, flags, allocate_if_possible);
    });
  }
#endif

  // ---- locks

  static void request_tranche(const char *name, int count) {
    pg::entry([=] { mine().tranche_requests.push_back({name, count}); });
  }
  static LWLockPadded *tranche(const char *name) {
    return pg::entry([=] { return mine().tranche(name); });
  }

  // ---- workers

  static void register_worker(BackgroundWorker *worker) {
    pg::entry([=] { mine().static_workers.push_back(*worker); });
  }
  static bool register_dynamic_worker(BackgroundWorker *worker, BackgroundWorkerHandle **handle) {
    return pg::entry([=] { return start_dynamic_worker(mine(), *worker, handle); });
  }

  // ---- settings

  static void define_bool(const char *name, const char *what, const char *more, bool *value,
                          bool initial, GucContext context, int flags, GucBoolCheckHook check,
                          GucBoolAssignHook assign, GucShowHook show) {
    define(Place, name, context, [=] {
      DefineCustomBoolVariable(name, what, more, value, initial, context, flags, check, assign,
                               show);
    });
  }
  static void define_int(const char *name, const char *what, const char *more, int *value,
                         int initial, int least, int most, GucContext context, int flags,
                         GucIntCheckHook check, GucIntAssignHook assign, GucShowHook show) {
    define(Place, name, context, [=] {
      DefineCustomIntVariable(name, what, more, value, initial, least, most, context, flags, check,
                              assign, show);
    });
  }
  static void define_real(const char *name, const char *what, const char *more, double *value,
                          double initial, double least, double most, GucContext context, int flags,
                          GucRealCheckHook check, GucRealAssignHook assign, GucShowHook show) {
    define(Place, name, context, [=] {
      DefineCustomRealVariable(name, what, more, value, initial, least, most, context, flags, check,
                               assign, show);
    });
  }
  static void define_string(const char *name, const char *what, const char *more, char **value,
                            const char *initial, GucContext context, int flags,
                            GucStringCheckHook check, GucStringAssignHook assign,
                            GucShowHook show) {
    define(Place, name, context, [=] {
      DefineCustomStringVariable(name, what, more, value, initial, context, flags, check, assign,
                                 show);
    });
  }
  static void define_enum(const char *name, const char *what, const char *more, int *value,
                          int initial, const config_enum_entry *options, GucContext context,
                          int flags, GucEnumCheckHook check, GucEnumAssignHook assign,
                          GucShowHook show) {
    define(Place, name, context, [=] {
      DefineCustomEnumVariable(name, what, more, value, initial, options, context, flags, check,
                               assign, show);
    });
  }

  // ---- files: nothing here needs a destructor, so errors of the server may pass

  static own_path path(const char *name) noexcept { return {mine(), name}; }
  static std::FILE *allocate_file(const char *name, const char *mode) {
    return AllocateFile(path(name), mode);
  }
  static int open_transient(const char *name, int flags) {
    return OpenTransientFile(path(name), flags);
  }
  static int open_transient_with(const char *name, int flags, mode_t mode) {
    return OpenTransientFilePerm(path(name), flags, mode);
  }
  static File open_virtual(const char *name, int flags) {
    return PathNameOpenFile(path(name), flags);
  }
  static File open_virtual_with(const char *name, int flags, mode_t mode) {
    return PathNameOpenFilePerm(path(name), flags, mode);
  }
  static int open_basic(const char *name, int flags) { return BasicOpenFile(path(name), flags); }
  static int open_basic_with(const char *name, int flags, mode_t mode) {
    return BasicOpenFilePerm(path(name), flags, mode);
  }
  static int rename_durably(const char *from, const char *to, int level) {
    return durable_rename(path(from), path(to), level);
  }
  static int unlink_durably(const char *name, int level) {
    const own_path at = path(name);
    return at.is_kept() ? 0 : durable_unlink(at, level);
  }
  static void sync(const char *name, bool is_folder) { fsync_fname(path(name), is_folder); }
  static int try_to_sync(const char *name, bool is_folder, bool ignores_rights, int level) {
    return fsync_fname_ext(path(name), is_folder, ignores_rights, level);
  }
  // open(2) passes a mode only for a new file.  Without one, the argument is not used.
  static int open_file(const char *name, int flags, mode_t mode) {
    return open(path(name), flags, mode);
  }
  static int open_existing(const char *name, int flags) { return open(path(name), flags, 0); }
  static std::FILE *open_stream(const char *name, const char *mode) {
    return std::fopen(path(name), mode);
  }
  static int rename_file(const char *from, const char *to) {
    return std::rename(path(from), path(to));
  }
  static int unlink_file(const char *name) {
    const own_path at = path(name);
    return at.is_kept() ? 0 : unlink(at);
  }
  static int remove_file(const char *name) {
    const own_path at = path(name);
    return at.is_kept() ? 0 : std::remove(at);
  }
  static int access_file(const char *name, int mode) { return access(path(name), mode); }
  static int stat_file(const char *name, struct stat *to) { return stat(path(name), to); }
  static int stat_link(const char *name, struct stat *to) { return lstat(path(name), to); }
  static_assert(sizeof(struct stat) == sizeof(struct stat64) && sizeof(off_t) == sizeof(off64_t),
                "a name with 64 is the same function");

  // ---- libraries of its own

  static void load(const char *file, bool is_restricted) {
    pg::entry([=] {
      redirect_also(Place, file);
      pg::call([=] { load_file(file, is_restricted); });
    });
  }
  static decltype(load_external_function("", "", false, nullptr))
  load_function(const char *file, const char *function, bool must_exist, void **handle) {
    return pg::entry([=] {
      redirect_also(Place, file);
      return pg::call([=] { return load_external_function(file, function, must_exist, handle); });
    });
  }

  [[nodiscard]] static std::span<const named_address> table() {
    private_variables &own = variables[Place];
    static const named_address all[] = {
      {"RequestAddinShmemSpace", address_of(request_space)},
      {"ShmemInitStruct", address_of(init_struct)},
      {"ShmemInitHash", address_of(init_table)},
      {"ShmemAlloc", address_of(allocate)},
      {"ShmemAllocNoError", address_of(allocate_if_possible)},
#if DYNPGEXT_SHMEM_CALLBACKS
      {"RegisterShmemCallbacks", address_of(register_callbacks)},
      {"ShmemRequestStructWithOpts", address_of(request_struct)},
      {"ShmemRequestHashWithOpts", address_of(request_table)},
#endif
      {"RequestNamedLWLockTranche", address_of(request_tranche)},
      {"GetNamedLWLockTranche", address_of(tranche)},
      {"RegisterBackgroundWorker", address_of(register_worker)},
      {"RegisterDynamicBackgroundWorker", address_of(register_dynamic_worker)},
      {"DefineCustomBoolVariable", address_of(define_bool)},
      {"DefineCustomIntVariable", address_of(define_int)},
      {"DefineCustomRealVariable", address_of(define_real)},
      {"DefineCustomStringVariable", address_of(define_string)},
      {"DefineCustomEnumVariable", address_of(define_enum)},
      {"AllocateFile", address_of(allocate_file)},
      {"OpenTransientFile", address_of(open_transient)},
      {"OpenTransientFilePerm", address_of(open_transient_with)},
      {"PathNameOpenFile", address_of(open_virtual)},
      {"PathNameOpenFilePerm", address_of(open_virtual_with)},
      {"BasicOpenFile", address_of(open_basic)},
      {"BasicOpenFilePerm", address_of(open_basic_with)},
      {"durable_rename", address_of(rename_durably)},
      {"durable_unlink", address_of(unlink_durably)},
      {"fsync_fname", address_of(sync)},
      {"fsync_fname_ext", address_of(try_to_sync)},
      {"open", address_of(open_file)},
      {"open64", address_of(open_file)},
      {"__open_2", address_of(open_existing)},
      {"__open64_2", address_of(open_existing)},
      {"fopen", address_of(open_stream)},
      {"fopen64", address_of(open_stream)},
      {"rename", address_of(rename_file)},
      {"unlink", address_of(unlink_file)},
      {"remove", address_of(remove_file)},
      {"access", address_of(access_file)},
      {"stat", address_of(stat_file)},
      {"stat64", address_of(stat_file)},
      {"lstat", address_of(stat_link)},
      {"lstat64", address_of(stat_link)},
      {"load_file", address_of(load)},
      {"load_external_function", address_of(load_function)},
      {"process_shared_preload_libraries_in_progress",
       &own.process_shared_preload_libraries_in_progress},
      {"process_shmem_requests_in_progress", &own.process_shmem_requests_in_progress},
      {"IsUnderPostmaster", &own.is_under_postmaster},
      {"UsedShmemSegAddr", static_cast<void *>(&own.used_shmem_seg_addr)},
      {"shmem_request_hook", static_cast<void *>(&own.shmem_request_hook)},
      {"shmem_startup_hook", static_cast<void *>(&own.shmem_startup_hook)},
    };
    return all;
  }
};

template <int... Places>
std::span<const named_address> table_of(int place, std::integer_sequence<int, Places...>) {
  constexpr std::span<const named_address> (*tables[])() = {functions<Places>::table...};
  return tables[place]();
}

}  // namespace

void *replacement(int place, std::string_view symbol) {
  for (const named_address &n : table_of(place, std::make_integer_sequence<int, most_in_process>()))
    if (n.name == symbol) return n.address;
  return nullptr;
}

}  // namespace dynpgext::hosting
