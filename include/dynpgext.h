/*
 * dynpgext.h - shared memory and background workers for PostgreSQL extensions,
 * provisioned at run time, without shared_preload_libraries and without a restart.
 *
 * This is the only installed header of dynpgext.  It works in C11 and in
 * C++17 or later.  A library that includes it is not linked with dynpgext: it
 * opens in a process that has not loaded dynpgext, and on a server without dynpgext.
 *
 * SYNOPSIS
 *
 *     #include <dynpgext.h>
 *     PG_MODULE_MAGIC;
 *     DYNPGEXT_MAGIC;
 *
 *     void _Dynpgext_init(const dynpgext_handle *handle) {
 *       handle->allocate_shmem(handle, "my_ext:counter", sizeof(Counter), NULL, NULL,
 *                              DYNPGEXT_SCOPE_DATABASE_LOCAL);
 *     }
 *
 *     Counter *counter = dynpgext_lookup_shmem("my_ext:counter");
 *
 * Build with the folder of this file on the include path:
 *
 *     PG_CPPFLAGS = -I$(shell $(PG_CONFIG) --includedir-server)/extension/dynpgext
 *
 * A library takes part when it declares DYNPGEXT_MAGIC and is the library of an
 * extension: module_pathname of its control file, or else one of its C functions.
 * CREATE EXTENSION, ALTER EXTENSION ... UPDATE and DROP EXTENSION do the rest in
 * every database that has the extension dynpgext.
 *
 * TERMS
 *
 *   provisioning   one run of _Dynpgext_init for one extension in one database
 *   global         one instance for the server, as long as one database has it
 *   database-local one instance for each database that has the extension
 *   identity       of a worker: extension, name and database (or global); there is
 *                  never more than one process of an identity
 *
 * Copyright (c) 2026, the dynpgext authors; PostgreSQL License, see LICENSE.
 */
#ifndef DYNPGEXT_H
#define DYNPGEXT_H

/* Needed by the server's headers.  PGXS defines it, a plain -std=c11 build does not. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif

#ifdef __cplusplus
extern "C" {
#endif

#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"

#ifdef __cplusplus
/* gives PG_MODULE_MAGIC C linkage in any place */
extern PGDLLEXPORT const Pg_magic_struct *Pg_magic_func(void);
}
#endif

/*
 * A library name is copied into a BackgroundWorker with strncpy(bgw.bgw_library_name,
 * handle->library_name, BGW_MAXLEN); a truncated copy is valid (see register_bgworker).
 * The server itself is also built without this warning.
 */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8
#pragma GCC diagnostic ignored "-Wstringop-truncation"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Version of the binary interface between a library and dynpgext.  It changes only
 * when old libraries are no longer supported; members appended to the tables below
 * do not change it (each table starts with its size).
 */
#define DYNPGEXT_ABI_VERSION 1

/*
 * Longest name of an allocation in bytes, without the terminating NUL.  A longer
 * one is refused with SQLSTATE 42622 (name_too_long), never truncated.  The limit
 * for a worker's name is the server's: BGW_MAXLEN - 1 bytes.
 */
#define DYNPGEXT_MAX_NAME 255

/* Most registrations (allocations and workers) that one _Dynpgext_init may make. */
#define DYNPGEXT_MAX_REGISTRATIONS 1000

/*
 * FLAGS of allocate_shmem and register_bgworker.  Combine with |.  All other bits
 * are reserved: setting one is an error (SQLSTATE 22023).
 *
 * DYNPGEXT_SCOPE_GLOBAL           one instance for the server (this is 0: the default)
 * DYNPGEXT_SCOPE_DATABASE_LOCAL   one instance for each database that has the extension
 * DYNPGEXT_REGISTER_BGWORKER_NOTIFY
 *                                 workers only: the process that starts the worker is
 *                                 notified of its state, so that the callback may
 *                                 use WaitForBackgroundWorkerStartup().  Setting
 *                                 bgw_notify_pid to MyProcPid has the same effect.
 */
#define DYNPGEXT_SCOPE_GLOBAL 0
#define DYNPGEXT_SCOPE_DATABASE_LOCAL 1
#define DYNPGEXT_REGISTER_BGWORKER_NOTIFY 2

#define DYNPGEXT_ALLOCATE_SHMEM_DEFAULTS DYNPGEXT_SCOPE_GLOBAL
#define DYNPGEXT_REGISTER_BGWORKER_DEFAULTS DYNPGEXT_SCOPE_GLOBAL

/*
 * Exported despite -fvisibility=hidden; up to PostgreSQL 15 PGDLLEXPORT is empty on
 * most platforms.
 */
#if defined(__GNUC__) && !defined(_WIN32)
#define DYNPGEXT_EXPORT __attribute__((visibility("default")))
#else
#define DYNPGEXT_EXPORT PGDLLEXPORT
#endif

typedef struct dynpgext_handle dynpgext_handle;

/*
 * Restart policy: when dynpgext restarts a worker that has ended.
 *
 * DYNPGEXT_RESTART_NEVER       never; only a command starts it (this is 0: the default)
 * DYNPGEXT_RESTART_ON_FAILURE  after any end except exit code 0
 * DYNPGEXT_RESTART_ALWAYS      after any end
 *
 * The policy does not apply to a worker that dynpgext has stopped: for DROP EXTENSION, an
 * update, stop_worker() and so on.
 */
#define DYNPGEXT_RESTART_NEVER 0
#define DYNPGEXT_RESTART_ON_FAILURE 1
#define DYNPGEXT_RESTART_ALWAYS 2

/*
 * The servers that a worker runs on, when there are standbys.
 *
 * DYNPGEXT_RUN_BY_START_TIME   by bgw_start_time (this is 0: the default): both for
 *                              BgWorkerStart_ConsistentState, the primary for RecoveryFinished
 * DYNPGEXT_RUN_ON_PRIMARY      the primary; on a standby it is 'waiting' until promotion
 * DYNPGEXT_RUN_ON_STANDBY      standbys; it ends at promotion, and is 'waiting' on a primary
 * DYNPGEXT_RUN_ON_BOTH         both; its process continues at promotion
 *
 * The last two need BgWorkerStart_ConsistentState.
 */
#define DYNPGEXT_RUN_BY_START_TIME 0
#define DYNPGEXT_RUN_ON_PRIMARY 1
#define DYNPGEXT_RUN_ON_STANDBY 2
#define DYNPGEXT_RUN_ON_BOTH 3

/*
 * Options for the supervision of a worker, for register_bgworker_with().  A DBA may override
 * them with dynpgext.configure_worker().
 *
 *     dynpgext_bgworker_options options = {.size = sizeof(options),
 *                                          .restart = DYNPGEXT_RESTART_ON_FAILURE};
 *
 * size           sizeof this struct.  Members are only ever appended; missing ones have their
 *                default.
 * restart        DYNPGEXT_RESTART_...
 * restart_delay  milliseconds from the end to the first restart, up to 86400000 (a day); 0: the
 *                default, a second.  The delay doubles after each run that was shorter than the
 *                setting dynpgext.restart_delay_max, up to that; a longer run resets it.  Each
 *                delay is shortened by up to a quarter, at random.
 * deadline       milliseconds, up to 86400000; 0: none.  A worker that calls neither
 *                dynpgext_worker_heartbeat() nor dynpgext_worker_wait() for this time, or within
 *                this time from its start, becomes 'unresponsive'; unless its restart policy is
 *                "never", dynpgext ends it (SIGTERM) and restarts it.
 * servers        DYNPGEXT_RUN_...
 * reserved       0
 */
typedef struct dynpgext_bgworker_options {
  size_t size;
  int restart;
  int64 restart_delay;
  int64 deadline;
  int servers;
  int reserved; /* 0 */
} dynpgext_bgworker_options;

/*
 * Runs once for each new instance of memory, in the process that provisions it, in a
 * transaction, before any lookup of that name returns in any process.
 *
 * ptr   the memory: zeroed, aligned to PG_CACHE_LINE_SIZE, of the registered size
 * data  the argument of allocate_shmem
 *
 * It may raise an ERROR, which gives the memory back and undoes the provisioning.  It may
 * look up earlier names of the same _Dynpgext_init, but not its own, and
 * it cannot register.
 */
typedef void (*dynpgext_shmem_callback)(void *ptr, void *data);

/*
 * Runs each time dynpgext starts the worker, in the process that starts it: the committing
 * session, a session in reload() or start_worker(), or a process of dynpgext.
 *
 * worker  as from RegisterDynamicBackgroundWorker(): valid as long as this process.
 *         WaitForBackgroundWorkerStartup() may be called with it if the worker was
 *         registered with DYNPGEXT_REGISTER_BGWORKER_NOTIFY.
 * data    the argument of register_bgworker.  It must outlive _Dynpgext_init: point it
 *         at static storage.
 *
 * After a commit it runs with interrupts held, in a transaction that is already
 * committed: be brief, do not use SQL, and do not wait for any action of the worker
 * after its start.  An ERROR there becomes a WARNING.
 */
typedef void (*dynpgext_bgworker_callback)(BackgroundWorkerHandle *worker, void *data);

/*
 * The argument of _Dynpgext_init and _Dynpgext_fini.
 *
 * size          of this table in bytes, in the running dynpgext.  Members are
 *               only ever appended; use DYNPGEXT_HANDLE_HAS(handle, member) for those
 *               added after the first release.
 * name          of the extension, as in pg_extension
 * version       being provisioned (in fini: the old version)
 * library_name  as in the control file or pg_proc, such as '$libdir/my_ext'
 *
 * The strings live as long as the process.  The functions may be called only from within
 * _Dynpgext_init and only with its own handle; anywhere else they raise SQLSTATE
 * 55000.
 */
struct dynpgext_handle {
  size_t size;
  const char *name;
  const char *version;
  const char *library_name;

  /*
   * allocate_shmem - register named shared memory, and make it if it does not exist.
   *
   * name      unique in the server among global names, and among those of a database;
   *           1 to DYNPGEXT_MAX_NAME bytes, valid in the database's encoding.  Copied.
   *           By convention 'extension:version:purpose'.
   * bytes     at least 1.  The memory is zeroed and aligned to PG_CACHE_LINE_SIZE.
   * callback  may be NULL
   * data      passed to the callback.  If this process runs the callback, it
   *           runs before allocate_shmem returns.
   * flags     a scope
   *
   * Registering a name again with the same size, scope and extension keeps the memory
   * and its content, in one _Dynpgext_init, in a reload, and from one version of the
   * extension to the next.  The memory is visible to other processes after the commit,
   * and given back if the (sub)transaction is rolled back.
   *
   * Errors: 22004 NULL name; 42602 empty name; 42622 name too long; 22021 name not
   * valid in the encoding; 22023 size out of range, unknown flags; 42710 name in use
   * with another size, scope or by another extension; 53400 over
   * dynpgext.memory_limit or dynpgext.max_owner_memory; 53200 no memory; 54000 too many
   * registrations; 55000 outside _Dynpgext_init; 55006 in the name's own callback.
   */
  void (*allocate_shmem)(const dynpgext_handle *handle, const char *name, size_t bytes,
                         dynpgext_shmem_callback callback, void *data, int flags);

  /*
   * register_bgworker - register a background worker; it is started after the commit.
   *
   * bgw       Copied.  bgw_name, unique in the extension, and bgw_function_name must be
   *           set; bgw_type defaults to bgw_name; bgw_library_name defaults to (and may
   *           be a truncated copy of) handle->library_name.  BGWORKER_SHMEM_ACCESS must be
   *           set.  bgw_restart_time is ignored: the server always sees
   *           BGW_NEVER_RESTART, and dynpgext supervises.  bgw_main_arg is passed to a
   *           global worker; a database-local one gets the OID of its database:
   *               BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
   *           In the worker, MyBgworkerEntry has the registered values.
   * callback  may be NULL
   * data      passed to the callback
   * flags     a scope, and DYNPGEXT_REGISTER_BGWORKER_NOTIFY
   *
   * A global worker runs once for the server; if databases have different versions
   * of the extension, that of the highest version runs.  The worker ends (SIGTERM) after
   * the commit of DROP EXTENSION, and with its database.
   *
   * Errors: 22004 NULL bgw; 42602 empty name or function name; 22023 unknown flags, bad
   * bgw_flags, bgw_start_time or an unterminated string; 42710 the same name with
   * another definition; 42883 the library lacks the function; 58P01 no such library;
   * 54000 too many registrations; 55000 outside _Dynpgext_init.
   */
  void (*register_bgworker)(const dynpgext_handle *handle, BackgroundWorker *bgw,
                            dynpgext_bgworker_callback callback, void *data, int flags);

  /*
   * register_bgworker_with - as register_bgworker, with options for the supervision.
   *
   * options   NULL means the defaults of register_bgworker: never restarted, no deadline.
   *           Copied.
   *
   * Errors: as register_bgworker; 22023 unknown restart policy or servers, delay or deadline out of
   * range, impossible size, reserved not 0.
   */
  void (*register_bgworker_with)(const dynpgext_handle *handle, BackgroundWorker *bgw,
                                 dynpgext_bgworker_callback callback, void *data, int flags,
                                 const dynpgext_bgworker_options *options);
};

/* True when the running dynpgext's handle has the member. */
#define DYNPGEXT_HANDLE_HAS(handle, member)                                                        \
  ((handle)->size >= offsetof(dynpgext_handle, member) + sizeof((handle)->member))

/*
 * Data about the compilation of a library; read before any other code of the library runs.
 *
 * size     of this table in bytes
 * abi      DYNPGEXT_ABI_VERSION of the header
 * handle   sizeof(dynpgext_handle) of the header
 */
typedef struct dynpgext_magic {
  size_t size;
  uint32 abi;
  uint32 handle;
} dynpgext_magic;

/*
 * DYNPGEXT_MAGIC; - once in each library that takes part, beside PG_MODULE_MAGIC.
 *
 * dynpgext refuses a library with another abi or a smaller size with SQLSTATE 55000; the
 * error names both sides.
 */
#ifdef __cplusplus
#define DYNPGEXT_C_LINKAGE extern "C"
#else
#define DYNPGEXT_C_LINKAGE extern
#endif
#define DYNPGEXT_MAGIC                                                                             \
  DYNPGEXT_C_LINKAGE DYNPGEXT_EXPORT const dynpgext_magic *_Dynpgext_magic(void);                  \
  const dynpgext_magic *_Dynpgext_magic(void) {                                                    \
    static const dynpgext_magic magic = {sizeof(dynpgext_magic), DYNPGEXT_ABI_VERSION,             \
                                         (uint32)sizeof(dynpgext_handle)};                         \
    return &magic;                                                                                 \
  }                                                                                                \
  DYNPGEXT_C_LINKAGE int dynpgext_magic_needs_a_semicolon

/*
 * _Dynpgext_init - register all memory and workers of the extension.  Required.
 *
 * Called once for each provisioning: by CREATE EXTENSION and ALTER EXTENSION ... UPDATE,
 * by load() and reload(), and after a restart by a process of dynpgext or by the first
 * lookup.  So it is called many times in the life of an extension, in many processes, and
 * must register the same objects each time.  It runs in an ordinary process with a
 * transaction open, as the owner of the extension dynpgext, with search_path pinned.
 *
 * An ERROR in it undoes this provisioning and nothing else: it fails the user's command;
 * after a restart, the extension becomes 'failed', with the
 * message in dynpgext.extensions.
 */
extern DYNPGEXT_EXPORT void _Dynpgext_init(const dynpgext_handle *handle);

/*
 * _Dynpgext_fini - optional.  Called when the extension is dropped, unloaded, or
 * replaced by another version (then after the new version's _Dynpgext_init), in the
 * same transaction and before its commit; the memory still exists.  An ERROR
 * fails the command.  It may register nothing.
 */
extern DYNPGEXT_EXPORT void _Dynpgext_fini(const dynpgext_handle *handle);

/*
 * _Dynpgext_eager_preload - optional.  If it returns false, only dynpgext.load() provisions
 * the extension; CREATE EXTENSION and a restart do not.
 */
extern DYNPGEXT_EXPORT bool _Dynpgext_eager_preload(void);

/*
 * The functions of dynpgext for every process, found through the rendezvous variable
 * DYNPGEXT_API_VARIABLE.  Not for direct use: use the inline functions below.
 */
typedef struct dynpgext_api {
  size_t size; /* of this table, in bytes; members are only ever appended */
  uint32 abi;  /* DYNPGEXT_ABI_VERSION of the running dynpgext */
  bool (*present)(void);
  void *(*lookup_shmem)(const char *name);
  bool (*release_shmem)(const char *name);
  void (*worker_heartbeat)(void);
  bool (*worker_wait)(long milliseconds);
} dynpgext_api;

/* True when the running dynpgext's table has the member. */
#define DYNPGEXT_API_HAS(api, member)                                                              \
  ((api) != NULL && (api)->size >= offsetof(dynpgext_api, member) + sizeof((api)->member))

#define DYNPGEXT_API_VARIABLE "dynpgext_api"

/*
 * Loads dynpgext's library and returns its table; NULL if the server does not have
 * it.  Any other failure to load it is the server's ordinary ERROR.
 *
 * Absence is not cached; each call checks again, so that dynpgext can be installed later.
 * A process that calls it often should remember the answer.  It catches an error: do not
 * call the functions below in the arguments of ereport().
 */
static pg_noinline const dynpgext_api *
dynpgext_load_api(void) {
  void **variable = find_rendezvous_variable(DYNPGEXT_API_VARIABLE);

  if (*variable == NULL) {
    MemoryContext context = CurrentMemoryContext;
    uint32 interrupts = InterruptHoldoffCount; /* which reporting an error sets to 0 */
    uint32 cancels = QueryCancelHoldoffCount;

    PG_TRY();
    { (void)load_external_function("dynpgext", "dynpgext_version", true, NULL); }
    PG_CATCH();
    {
      /* only a missing file means absence; nothing was acquired before this error */
      if (geterrcode() != ERRCODE_UNDEFINED_FILE)
        PG_RE_THROW();
      MemoryContextSwitchTo(context);
      FlushErrorState();
      InterruptHoldoffCount = interrupts;
      QueryCancelHoldoffCount = cancels;
    }
    PG_END_TRY();
  }
  if (*variable != NULL && ((const dynpgext_api *)*variable)->abi == DYNPGEXT_ABI_VERSION)
    return (const dynpgext_api *)*variable;
  return NULL;
}

static inline const dynpgext_api *
dynpgext_get_api(void) {
  static const dynpgext_api *api = NULL;

  if (unlikely(api == NULL))
    api = dynpgext_load_api();
  return api;
}

/*
 * dynpgext_loader_present - check whether dynpgext can serve this process.
 *
 * False if dynpgext is not installed on the server, if its version does not serve this
 * library, and in the postmaster.  For extensions that can do without dynpgext.  Callable
 * in any process at any time.
 */
static inline bool
dynpgext_loader_present(void) {
  const dynpgext_api *api = dynpgext_get_api();

  return api != NULL && api->present();
}

/*
 * dynpgext_lookup_shmem - the address of a named allocation in this process.
 *
 * name     as registered; a database-local name is that of this process's database (in a
 *          database-local worker also before it has connected)
 * returns  the address, or NULL if there is no such allocation.  After a restart, the
 *          lookup provisions a registered name that is not provisioned yet, if a
 *          transaction is open.
 *
 * Callable in any process: backends, parallel workers, background workers before and after
 * they have connected.  A transaction finds the names that it has registered, and no longer
 * those that it has dropped.
 *
 * The pointer stays valid until this process ends or calls dynpgext_release_shmem() for
 * the name, even if the allocation is dropped meanwhile.  Storing it is cheapest.
 * A lookup at each use is correct across DROP and CREATE EXTENSION, and costs less
 * than a search in a local hash table: no lock, no allocation, no write to shared memory
 * after the first time in a process.
 *
 * Errors: of provisioning; 55000 for another memory layout.  A NULL name returns NULL.
 */
static inline void *
dynpgext_lookup_shmem(const char *name) {
  const dynpgext_api *api = dynpgext_get_api();

  return likely(api != NULL) ? api->lookup_shmem(name) : NULL;
}

/*
 * dynpgext_release_shmem - release an allocation in this process.
 *
 * All pointers of this process from dynpgext_lookup_shmem(name) are invalid
 * afterwards.  A dropped allocation is freed when the last process has released it or
 * ended.  Returns false if this process had not looked the name up.
 */
static inline bool
dynpgext_release_shmem(const char *name) {
  const dynpgext_api *api = dynpgext_get_api();

  return api != NULL && api->release_shmem(name);
}

/*
 * dynpgext_worker_heartbeat - send a heartbeat.
 *
 * A worker with a deadline calls it during work that takes longer than the deadline without
 * a dynpgext_worker_wait().  It reads the clock and stores a number.  It has no effect in
 * other processes, and raises nothing once dynpgext's library is loaded.
 */
static inline void
dynpgext_worker_heartbeat(void) {
  const dynpgext_api *api = dynpgext_get_api();

  if (DYNPGEXT_API_HAS(api, worker_heartbeat))
    api->worker_heartbeat();
}

/*
 * dynpgext_worker_wait - wait, in the loop of a worker.
 *
 *     for (;;) {
 *       (void) dynpgext_worker_wait(1000);
 *       ... work, in its own transaction ...
 *     }
 *
 * Waits until the latch of the process is set, up to the given time (negative: without
 * limit).  Meanwhile it unblocks signals (the first time), resets the latch, serves
 * interrupts (so the process ends here after SIGTERM), rereads the configuration after
 * a reload, exits when the postmaster has died, and sends heartbeats.
 *
 * Returns true if the latch was set, false after the time.  Call it outside of a
 * transaction.
 *
 * Errors: 57P01 (FATAL, exit code 1) if something other than dynpgext ends the worker; if
 * dynpgext ends it, it exits with 0.  0A000 if dynpgext is absent, or too old.
 */
static inline bool
dynpgext_worker_wait(long milliseconds) {
  const dynpgext_api *api = dynpgext_get_api();

  if (!DYNPGEXT_API_HAS(api, worker_wait))
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("this version of dynpgext has no dynpgext_worker_wait()")));
  return api->worker_wait(milliseconds);
}

#ifdef __cplusplus
}
#endif

#endif /* DYNPGEXT_H */
