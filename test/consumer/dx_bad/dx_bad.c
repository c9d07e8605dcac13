/*
 * Makes valid and invalid registrations, chosen by settings:
 *
 *   dx_bad.case          one of the cases below
 *   dx_bad.size          bytes, for the case size_limit
 *   dx_bad.allocations   'NAME:SIZE:SCOPE,...' with the scope global or local; a name may
 *                        contain colons, but no comma
 *
 * Without settings it registers nothing.
 */
#include "dx.h"

#include "access/xact.h"
#include "utils/resowner.h"

PG_MODULE_MAGIC;
DYNPGEXT_MAGIC;
PG_FUNCTION_INFO_V1(dx_bad_stale);

extern DYNPGEXT_EXPORT void dx_bad_main(Datum argument);
extern DYNPGEXT_EXPORT void dx_bad_other(Datum argument);

#define LOCAL DYNPGEXT_SCOPE_DATABASE_LOCAL
#define GLOBAL DYNPGEXT_SCOPE_GLOBAL

typedef void (*Case)(const dynpgext_handle *handle);

static const dynpgext_handle *stale_handle = NULL;

static void
allocate(const dynpgext_handle *handle, const char *name, size_t size, int flags) {
  handle->allocate_shmem(handle, name, size, NULL, NULL, flags);
}

static void
allocate_named_with_length(const dynpgext_handle *handle, int length) {
  char *name = palloc0(length + 1);

  memset(name, 'n', length);
  allocate(handle, name, 64, LOCAL);
}

static void
allocate_many(const dynpgext_handle *handle, int count) {
  for (int i = 1; i <= count; i++)
    allocate(handle, psprintf("dx_bad:%d", i), 8, LOCAL);
}

static void
register_worker(const dynpgext_handle *handle, BackgroundWorker worker) {
  handle->register_bgworker(handle, &worker, NULL, NULL, LOCAL);
}

static BackgroundWorker
good_worker(void) {
  return dx_worker_named("dx bad", "dx_bad_main");
}

/* names */

static void
null_name(const dynpgext_handle *handle) {
  allocate(handle, NULL, 64, LOCAL);
}

static void
empty_name(const dynpgext_handle *handle) {
  allocate(handle, "", 64, LOCAL);
}

static void
name_127(const dynpgext_handle *handle) {
  allocate_named_with_length(handle, 127);
}

static void
name_128(const dynpgext_handle *handle) {
  allocate_named_with_length(handle, 128);
}

static void
name_255(const dynpgext_handle *handle) {
  allocate_named_with_length(handle, 255);
}

static void
name_256(const dynpgext_handle *handle) {
  allocate_named_with_length(handle, 256);
}

static void
name_10k(const dynpgext_handle *handle) {
  allocate_named_with_length(handle, 10000);
}

static void
bad_utf8(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:\xff\xfe", 64, LOCAL);
}

/* sizes */

static void
size_0(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:size", 0, LOCAL);
}

static void
size_1(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:size", 1, LOCAL);
}

static void
size_max(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:size", SIZE_MAX, LOCAL);
}

static void
size_limit(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:size", strtoul(dx_setting("dx_bad.size", "64"), NULL, 10), LOCAL);
}

/* flags */

static void
flags_unknown_shmem(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:flags", 64, LOCAL | 4);
}

static void
flags_unknown_worker(const dynpgext_handle *handle) {
  BackgroundWorker worker = good_worker();

  handle->register_bgworker(handle, &worker, NULL, NULL, LOCAL | 4);
}

static void
shmem_notify_flag(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:flags", 64, LOCAL | DYNPGEXT_REGISTER_BGWORKER_NOTIFY);
}

/* valid: callbacks may be NULL, with or without notify */
static void
null_callback(const dynpgext_handle *handle) {
  BackgroundWorker worker = good_worker();

  allocate(handle, "dx_bad:good", 64, LOCAL);
  handle->register_bgworker(handle, &worker, NULL, NULL, LOCAL | DYNPGEXT_REGISTER_BGWORKER_NOTIFY);
}

/* workers */

static void
null_bgw(const dynpgext_handle *handle) {
  handle->register_bgworker(handle, NULL, NULL, NULL, LOCAL);
}

static void
empty_function(const dynpgext_handle *handle) {
  register_worker(handle, dx_worker_named("dx bad", ""));
}

static void
missing_function(const dynpgext_handle *handle) {
  register_worker(handle, dx_worker_named("dx bad", "dx_bad_no_such_function"));
}

static void
empty_worker_name(const dynpgext_handle *handle) {
  register_worker(handle, dx_worker_named("", "dx_bad_main"));
}

static void
unterminated_worker_name(const dynpgext_handle *handle) {
  BackgroundWorker worker = good_worker();

  memset(worker.bgw_name, 'n', sizeof(worker.bgw_name));
  register_worker(handle, worker);
}

static void
no_shmem_access(const dynpgext_handle *handle) {
  BackgroundWorker worker = good_worker();

  worker.bgw_flags = 0;
  register_worker(handle, worker);
}

static void
db_connection_postmaster_start(const dynpgext_handle *handle) {
  BackgroundWorker worker = good_worker();

  worker.bgw_flags |= BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_PostmasterStart;
  register_worker(handle, worker);
}

static void
missing_library(const dynpgext_handle *handle) {
  BackgroundWorker worker = good_worker();

  strlcpy(worker.bgw_library_name, "$libdir/dx_no_such_library", BGW_MAXLEN);
  register_worker(handle, worker);
}

#include "options.h"

/* numbers */

static void
thousand(const dynpgext_handle *handle) {
  allocate_many(handle, 1000);
}

static void
thousand_and_one(const dynpgext_handle *handle) {
  allocate_many(handle, 1001);
}

/* the same name twice */

static void
same_twice_same(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:twice", 64, LOCAL);
  allocate(handle, "dx_bad:twice", 64, LOCAL);
}

static void
same_twice_other_size(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:twice", 64, LOCAL);
  allocate(handle, "dx_bad:twice", 65, LOCAL);
}

static void
same_twice_other_scope(const dynpgext_handle *handle) {
  allocate(handle, "dx_bad:twice", 64, LOCAL);
  allocate(handle, "dx_bad:twice", 64, GLOBAL);
}

static void
worker_twice_same(const dynpgext_handle *handle) {
  register_worker(handle, good_worker());
  register_worker(handle, good_worker());
}

static void
worker_twice_other(const dynpgext_handle *handle) {
  register_worker(handle, good_worker());
  register_worker(handle, dx_worker_named("dx bad", "dx_bad_other"));
}

/* the handle at the wrong time */

static void
keep_stale_handle(const dynpgext_handle *handle) {
  stale_handle = handle;
}

static void
fini_registers(const dynpgext_handle *handle) {
  (void)handle; /* the case itself is in _Dynpgext_fini */
}

/* An init that continues after an error, in the way that the server requires. */
static void
caught(const dynpgext_handle *handle) {
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;

  BeginInternalSubTransaction(NULL);
  MemoryContextSwitchTo(context);
  PG_TRY();
  {
    allocate(handle, "dx_bad:undone", 64, LOCAL);
    allocate(handle, "dx_bad:refused", 0, LOCAL);
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;

  allocate(handle, "dx_bad:good", 64, LOCAL);
}

static const struct {
  const char *name;
  Case run;
} cases[] = {
#define CASE(name)                                                                                 \
  { #name, name }
    CASE(null_name),
    CASE(empty_name),
    CASE(name_127),
    CASE(name_128),
    CASE(name_255),
    CASE(name_256),
    CASE(name_10k),
    CASE(bad_utf8),
    CASE(size_0),
    CASE(size_1),
    CASE(size_max),
    CASE(size_limit),
    CASE(flags_unknown_shmem),
    CASE(flags_unknown_worker),
    CASE(shmem_notify_flag),
    CASE(null_callback),
    CASE(null_bgw),
    CASE(empty_function),
    CASE(missing_function),
    CASE(empty_worker_name),
    CASE(unterminated_worker_name),
    CASE(no_shmem_access),
    CASE(db_connection_postmaster_start),
    CASE(missing_library),
    CASE(null_options),
    CASE(options_defaults),
    CASE(options_on_failure),
    CASE(options_all),
    CASE(options_longest),
    CASE(options_size_0),
    CASE(options_small_size),
    CASE(options_up_to_restart),
    CASE(options_up_to_delay),
    CASE(options_cut),
    CASE(options_unknown_tail),
    CASE(options_larger_zero),
    CASE(bad_restart),
    CASE(negative_restart),
    CASE(negative_delay),
    CASE(huge_delay),
    CASE(negative_deadline),
    CASE(huge_deadline),
    CASE(options_null_bgw),
    CASE(options_bad_second),
    CASE(options_twice_same),
    CASE(options_twice_other),
    CASE(options_twice_defaults),
    CASE(thousand),
    CASE(thousand_and_one),
    CASE(same_twice_same),
    CASE(same_twice_other_size),
    CASE(same_twice_other_scope),
    CASE(worker_twice_same),
    CASE(worker_twice_other),
    {"stale_handle", keep_stale_handle},
    CASE(fini_registers),
    CASE(caught),
#undef CASE
};

/* Parses, and changes, one 'NAME:SIZE:SCOPE'. */
static void
allocate_described(const dynpgext_handle *handle, char *description) {
  char *scope = strrchr(description, ':');
  char *size;

  if (scope != NULL)
    *scope++ = '\0';
  size = scope != NULL ? strrchr(description, ':') : NULL;
  if (size == NULL)
    elog(ERROR, "dx_bad.allocations wants NAME:SIZE:SCOPE,...");
  *size++ = '\0';
  allocate(handle, description, strtoul(size, NULL, 10),
           strcmp(scope, "local") == 0 ? LOCAL : GLOBAL);
}

void
_Dynpgext_init(const dynpgext_handle *handle) {
  const char *name = dx_setting("dx_bad.case", NULL);
  char *rest = pstrdup(dx_setting("dx_bad.allocations", ""));
  size_t i = 0;

  while (name != NULL && i < lengthof(cases) && strcmp(cases[i].name, name) != 0)
    i++;
  if (name != NULL && i == lengthof(cases))
    elog(ERROR, "dx_bad has no case \"%s\"", name);
  if (name != NULL)
    cases[i].run(handle);

  for (char *one = strtok_r(rest, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest))
    allocate_described(handle, one);
}

void
_Dynpgext_fini(const dynpgext_handle *handle) {
  if (strcmp(dx_setting("dx_bad.case", ""), "fini_registers") == 0)
    allocate(handle, "dx_bad:fini", 64, LOCAL);
}

/* Registers with the handle of an init that has already returned. */
Datum
dx_bad_stale(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  if (stale_handle == NULL)
    elog(ERROR, "dx_bad has kept no handle in this process; the case for it is stale_handle");
  allocate(stale_handle, "dx_bad:stale", 64, LOCAL);
  PG_RETURN_VOID();
}

void
dx_bad_main(Datum argument) {
  (void)argument;
  dx_idle();
}

void
dx_bad_other(Datum argument) {
  (void)argument;
  dx_idle();
}
