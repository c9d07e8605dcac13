// The differences between PostgreSQL 15 and 19: the only file that tests the server's version.
//
// Each difference is a named function or constant, and a row of the table in docs/architecture.md.
// They call the server directly; use them within call().  Everything else is the same for all
// versions.  Included by pg/server.h.
#pragma once

extern "C" {
#if PG_VERSION_NUM >= 180000
#include "utils/conffiles.h"  // ParseConfigFp()
#endif
#if PG_VERSION_NUM >= 190000
#include "postmaster/postmaster.h"   // PostmasterPid
#include "storage/shmem_internal.h"  // shmem_hash_create()
#endif
}

// Up to 15 PGDLLEXPORT is empty, and -fvisibility=hidden would hide the functions that the server
// looks up by name.
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

// Since 18 a library declares its name and version: pg_get_loaded_modules().
#if PG_VERSION_NUM >= 180000
#define DYNPGEXT_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "dynpgext", .version = DYNPGEXT_VERSION)
#else
#define DYNPGEXT_MODULE_MAGIC PG_MODULE_MAGIC
#endif

namespace dynpgext::pg::versions {

// Since 16 one function checks the owner of any object.
inline bool owns(Oid role, Oid classid, Oid object) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(classid, object, role);
#else
  switch (classid) {
    case DatabaseRelationId: return pg_database_ownercheck(object, role);
    case ExtensionRelationId: return pg_extension_ownercheck(object, role);
    case NamespaceRelationId: return pg_namespace_ownercheck(object, role);
    case RelationRelationId: return pg_class_ownercheck(object, role);
    case ProcedureRelationId: return pg_proc_ownercheck(object, role);
    case TypeRelationId: return pg_type_ownercheck(object, role);
    default: return false;
  }
#endif
}

// Since 16 one function checks privileges on any object.
inline bool has_privilege(Oid role, Oid classid, Oid object, AclMode privilege) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(classid, object, role, privilege) == ACLCHECK_OK;
#else
  switch (classid) {
    case DatabaseRelationId: return pg_database_aclcheck(object, role, privilege) == ACLCHECK_OK;
    case ProcedureRelationId: return pg_proc_aclcheck(object, role, privilege) == ACLCHECK_OK;
    case TableSpaceRelationId:
      return pg_tablespace_aclcheck(object, role, privilege) == ACLCHECK_OK;
    default: return false;
  }
#endif
}

// Since 16 a membership may exclude SET ROLE.
inline bool may_set_role(Oid member, Oid role) {
#if PG_VERSION_NUM >= 160000
  return member_can_set_role(member, role);
#else
  return is_member_of_role(member, role);
#endif
}

// Since 16 a membership may exclude inheritance; before, a role that may SET ROLE has its rights.
inline bool inherits_role(Oid member, Oid role) {
#if PG_VERSION_NUM >= 160000
  return has_privs_of_role(member, role);
#else
  return is_member_of_role(member, role);
#endif
}

// Since 16 the server frees the `extra` data of a setting with its own allocator.
inline void *allocate_for_setting(size_t size) {
#if PG_VERSION_NUM >= 160000
  return guc_malloc(LOG, size);
#else
  return malloc(size);
#endif
}

// Since 16 settings are in a hash table, and the list is built.
inline std::span<config_generic *> all_settings() {
#if PG_VERSION_NUM >= 160000
  int count = 0;
  config_generic **all = get_guc_variables(&count);
#else
  config_generic **all = get_guc_variables();
  const int count = GetNumConfigOptions();
#endif
  return {all, static_cast<size_t>(count)};
}

// Since 16 the name says that its number is not a process.
inline const LocalPgBackendStatus *status_of_nth_process(int n) {
#if PG_VERSION_NUM >= 160000
  return pgstat_get_local_beentry_by_index(n);
#else
  return pgstat_fetch_stat_local_beentry(n);
#endif
}

// Since 16 a trigger may belong to a parent's.
inline void set_trigger_mode(Relation table, const char *trigger, char mode, LOCKMODE lock) {
#if PG_VERSION_NUM >= 160000
  EnableDisableTrigger(table, trigger, InvalidOid, mode, false, false, lock);
#else
  EnableDisableTrigger(table, trigger, mode, false, lock);
#endif
}

// Since 17 event triggers can be disabled.
inline bool are_event_triggers_on() {
#if PG_VERSION_NUM >= 170000
  return event_triggers;
#else
  return true;
#endif
}

// Since 17 a process may use a role without LOGIN.
#if PG_VERSION_NUM >= 170000
inline constexpr bool can_be_without_login = true;
inline constexpr uint32 connect_without_login = BGWORKER_BYPASS_ROLELOGINCHECK;
#else
inline constexpr bool can_be_without_login = false;
inline constexpr uint32 connect_without_login = 0;
#endif

// Since 17 wait events of extensions have names in pg_stat_activity.
inline uint32 wait_event_named([[maybe_unused]] const char *name) {
#if PG_VERSION_NUM >= 170000
  return WaitEventExtensionNew(name);
#else
  return PG_WAIT_EXTENSION;
#endif
}

// Since 17 a lock holder is one value.
inline VirtualTransactionId holder_of(const LockInstanceData &lock) {
#if PG_VERSION_NUM >= 170000
  return lock.vxid;
#else
  return {lock.backend, lock.lxid};
#endif
}

// Since 17 the lock mode may be a lower bound.
inline bool is_locked_by_me(const LOCKTAG &tag, LOCKMODE mode) {
#if PG_VERSION_NUM >= 170000
  return LockHeldByMe(&tag, mode, false);
#else
  return LockHeldByMe(&tag, mode);
#endif
}

// Since 17 a dshash table copies its keys with a function.
inline void copy_keys_as_bytes([[maybe_unused]] dshash_parameters *of) {
#if PG_VERSION_NUM >= 170000
  of->copy_function = dshash_memcpy;
#endif
}

// Since 18 '$libdir/x' is searched in all of dynamic_library_path, like 'x', when a function of it
// is called: so module_pathname works for libraries outside of the server's folder, too.
inline constexpr bool searches_for_names_in_libdir = PG_VERSION_NUM >= 180000;

// Since 18 a portal always runs as with run_once.
inline bool run_portal(Portal portal, long rows, bool at_top_level, DestReceiver *to,
                       DestReceiver *of_others, QueryCompletion *completion) {
#if PG_VERSION_NUM >= 180000
  return PortalRun(portal, rows, at_top_level, to, of_others, completion);
#else
  return PortalRun(portal, rows, at_top_level, true, to, of_others, completion);
#endif
}

// Since 18 triggers run as the role that queued them; before, a foreign key's row may fire them as
// another one.
#if PG_VERSION_NUM >= 180000
inline constexpr AclMode privileges_that_run_code_of_a_table = ACL_TRIGGER;
#else
inline constexpr AclMode privileges_that_run_code_of_a_table = ACL_TRIGGER | ACL_REFERENCES;
#endif

// Since 19 the name of an LWLock tranche is known to all processes from the beginning.
inline int new_lock_tranche([[maybe_unused]] const char *name) {
#if PG_VERSION_NUM >= 190000
  return LWLockNewTrancheId(name);
#else
  return LWLockNewTrancheId();
#endif
}

// Up to 18 each process registers the name.
inline void name_lock_tranche([[maybe_unused]] int id, [[maybe_unused]] const char *name) {
#if PG_VERSION_NUM < 190000
  LWLockRegisterTranche(id, name);
#endif
}

// Since 19 the server does not list the LWLocks of a process: returns false without a call.
inline bool each_held_lock([[maybe_unused]] void (*callback)(LWLock *, LWLockMode, void *),
                           [[maybe_unused]] void *context) {
#if PG_VERSION_NUM >= 190000
  return false;
#else
  ForEachLWLockHeldByMe(callback, context);
  return true;
#endif
}
inline constexpr bool lists_held_locks = PG_VERSION_NUM < 190000;

// Since 19 the hook may not change what identifies a statement.
#if PG_VERSION_NUM >= 190000
using jumble_state = const JumbleState;
#else
using jumble_state = JumbleState;
#endif

// Since 19 libraries request shared memory with callbacks, and a hash table in it is made in one
// piece.
#if PG_VERSION_NUM >= 190000
#define DYNPGEXT_SHMEM_CALLBACKS 1
#else
#define DYNPGEXT_SHMEM_CALLBACKS 0
#endif

// Since 19 each kind of process has its own log threshold.
inline void set_log_threshold([[maybe_unused]] int level) {
#if PG_VERSION_NUM < 190000
  log_min_messages = level;
#endif
}
inline int log_threshold() {
#if PG_VERSION_NUM < 190000
  return log_min_messages;
#else
  return FATAL;
#endif
}

// Is it a client's session?  18 and 19 each have another test.
inline bool is_session(const PGPROC &process) {
#if PG_VERSION_NUM >= 190000
  return process.pid != 0 && process.backendType == B_BACKEND;
#elif PG_VERSION_NUM >= 180000
  return process.pid != 0 && process.isRegularBackend;
#else
  return process.pid != 0 && !process.isBackgroundWorker;
#endif
}

// Since 19 a signal handler gets the sender of the signal.
#if PG_VERSION_NUM >= 190000
#define DYNPGEXT_SIGNAL_ARGUMENTS postgres_signal_arg, pg_siginfo
#else
#define DYNPGEXT_SIGNAL_ARGUMENTS postgres_signal_arg
#endif

}  // namespace dynpgext::pg::versions
