#include "pg/extension_command.h"

#include <memory>

#include "pg/extension_members.h"
#include "pg/scan.h"

extern "C" {
#include "catalog/objectaddress.h"
#include "catalog/pg_shdepend.h"
#include "commands/user.h"
#include "parser/parse_type.h"
#include "utils/hsearch.h"
}

// Code within call() uses the server's lists and tables: an ERROR jumps out of it.

namespace dynpgext::pg {
namespace {

struct object {
  Oid classid;
  Oid id;
};

// The roots of a statement, and the extent of its cascade.
struct request {
  List *roots = NIL;  // of object *
  bool cascades = false;
};

void add_root(request *r, Oid classid, Oid id) {
  auto *o = static_cast<object *>(palloc(sizeof(object)));
  *o = {classid, id};
  r->roots = lappend(r->roots, o);
}

bool owns(Oid classid, Oid id) { return versions::owns(GetUserId(), classid, id); }

// Rights on an object, or on its schema: as for DROP.
bool may_drop(Oid classid, Oid id) {
  const ObjectAddress address{classid, id, 0};
  const Oid schema = get_object_namespace(&address);
  return (OidIsValid(schema) && owns(NamespaceRelationId, schema)) || owns(classid, id);
}

bool is_relation(ObjectType type) {
  return type == OBJECT_TABLE || type == OBJECT_VIEW || type == OBJECT_MATVIEW ||
         type == OBJECT_SEQUENCE || type == OBJECT_FOREIGN_TABLE;
}

bool is_routine(ObjectType type) {
  return type == OBJECT_FUNCTION || type == OBJECT_PROCEDURE || type == OBJECT_ROUTINE ||
         type == OBJECT_AGGREGATE;
}

// Like DROP, but without the lock.
object look_up(ObjectType type, Node *name) {
  if (type == OBJECT_EXTENSION) return {ExtensionRelationId, get_extension_oid(strVal(name), true)};
  if (type == OBJECT_SCHEMA) return {NamespaceRelationId, get_namespace_oid(strVal(name), true)};
  if (is_relation(type)) {
    const RangeVar *relation = makeRangeVarFromNameList(reinterpret_cast<List *>(name));
    return {RelationRelationId, RangeVarGetRelid(relation, NoLock, true)};
  }
  if (is_routine(type))
    return {ProcedureRelationId,
            LookupFuncWithArgs(type, reinterpret_cast<ObjectWithArgs *>(name), true)};
  return {TypeRelationId, LookupTypeNameOid(nullptr, reinterpret_cast<TypeName *>(name), true)};
}

request of_drop(const DropStmt *statement) {
  request r;
  r.cascades = statement->behavior == DROP_CASCADE;
  ListCell *cell;
  foreach (cell, statement->objects) {
    const object found = look_up(statement->removeType, static_cast<Node *>(lfirst(cell)));
    if (!OidIsValid(found.id)) {
      if (statement->missing_ok) continue;
      return {};
    }
    if (!may_drop(found.classid, found.id)) return {};
    add_root(&r, found.classid, found.id);
  }
  return r;
}

// All objects in this database owned by a role.
void add_owned(request *r, Oid role) {
  const Relation depend = table_open(SharedDependRelationId, AccessShareLock);
  for_each_row(depend, SharedDependReferenceIndexId,
               {Anum_pg_shdepend_refclassid, AuthIdRelationId}, {Anum_pg_shdepend_refobjid, role},
               [r](HeapTuple tuple) {
                 const auto *row = reinterpret_cast<Form_pg_shdepend>(GETSTRUCT(tuple));
                 if (row->dbid == MyDatabaseId && row->deptype == SHARED_DEPENDENCY_OWNER)
                   add_root(r, row->classid, row->objid);
               });
  table_close(depend, AccessShareLock);
}

request of_drop_owned(const DropOwnedStmt *statement) {
  request r;
  r.cascades = statement->behavior == DROP_CASCADE;
  List *roles = roleSpecsToIds(statement->roles);
  ListCell *cell;
  foreach (cell, roles)
    if (!has_privs_of_role(GetUserId(), lfirst_oid(cell))) return {};
  foreach (cell, roles) add_owned(&r, lfirst_oid(cell));
  return r;
}

// An update to the installed version does nothing.
bool is_installed(Oid extension, const AlterExtensionStmt *statement) {
  const char *wanted = nullptr;
  ListCell *cell;
  foreach (cell, statement->options) {
    auto *option = static_cast<DefElem *>(lfirst(cell));
    if (std::strcmp(option->defname, "new_version") == 0) wanted = defGetString(option);
  }
  if (wanted == nullptr) return false;
  const Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(extension));
  const SysScanDesc scan = systable_beginscan(catalog, ExtensionOidIndexId, true, nullptr, 1, &key);
  const HeapTuple tuple = systable_getnext(scan);
  bool found = false;
  if (HeapTupleIsValid(tuple)) {
    bool is_null = false;
    const Datum version =
        heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(catalog), &is_null);
    found = !is_null && std::strcmp(TextDatumGetCString(version), wanted) == 0;
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

request of_alteration(const char *name, const AlterExtensionStmt *update) {
  request r;
  const Oid extension = get_extension_oid(name, true);
  if (!OidIsValid(extension) || !owns(ExtensionRelationId, extension)) return r;
  if (update == nullptr || !is_installed(extension, update))
    add_root(&r, ExtensionRelationId, extension);
  return r;
}

bool is_schema_renamed(const Node *statement) {
  return nodeTag(statement) == T_RenameStmt &&
         reinterpret_cast<const RenameStmt *>(statement)->renameType == OBJECT_SCHEMA;
}

// The server's own checks.
bool may_rename(Oid schema, const char *to) {
  return owns(NamespaceRelationId, schema) && !OidIsValid(get_namespace_oid(to, true)) &&
         versions::has_privilege(GetUserId(), DatabaseRelationId, MyDatabaseId, ACL_CREATE) &&
         (allowSystemTableMods || !IsReservedName(to));
}

// Workers name objects in the schema; while one waits for a lock, the name may get another meaning.
request of_renaming(const RenameStmt *statement) {
  request r;
  const Oid schema = get_namespace_oid(statement->subname, true);
  if (!OidIsValid(schema) || !may_rename(schema, statement->newname)) return r;
  const Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
  const SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    const auto *row = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple));
    if (row->extnamespace == schema || list_member_oid(schemas_of_members(row->oid), schema))
      add_root(&r, ExtensionRelationId, row->oid);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return r;
}

bool is_alteration(const Node *statement) {
  return nodeTag(statement) == T_AlterExtensionStmt ||
         nodeTag(statement) == T_AlterObjectSchemaStmt || is_schema_renamed(statement);
}

request of_statement(const Node *statement) {
  switch (nodeTag(statement)) {
    case T_DropStmt: return of_drop(reinterpret_cast<const DropStmt *>(statement));
    case T_DropOwnedStmt: return of_drop_owned(reinterpret_cast<const DropOwnedStmt *>(statement));
    case T_AlterExtensionStmt: {
      const auto *update = reinterpret_cast<const AlterExtensionStmt *>(statement);
      return of_alteration(update->extname, update);
    }
    case T_AlterObjectSchemaStmt:
      return of_alteration(
          strVal(reinterpret_cast<const AlterObjectSchemaStmt *>(statement)->object), nullptr);
    case T_RenameStmt: return of_renaming(reinterpret_cast<const RenameStmt *>(statement));
    default: return {};
  }
}

HTAB *make_set(const char *name) {
  HASHCTL control{};
  control.keysize = control.entrysize = sizeof(object);
  control.hcxt = CurrentMemoryContext;
  return hash_create(name, 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

bool is_in(HTAB *set, const object &o) {
  return hash_search(set, &o, HASH_FIND, nullptr) != nullptr;
}

bool is_new_in(HTAB *set, const object &o) {
  bool found = false;
  (void)hash_search(set, &o, HASH_ENTER, &found);
  return !found;
}

// The objects dropped with the roots, as in the server's findDependentObjects(): dependent objects;
// for a member of an extension, the extension, and for an internal part, its whole.
//
// The server processes one root after the other.  It refuses a root that is a part (DROP DOMAIN of
// a member, for example), unless the whole is also a root, or the part was dropped with an earlier
// root.
class walk {
 public:
  explicit walk(const request &r) : request_(r) {
    ListCell *cell;
    foreach (cell, r.roots) (void)is_new_in(roots_, *static_cast<object *>(lfirst(cell)));
  }

  // False if the server refuses the statement.
  bool run() {
    catalog_ = table_open(DependRelationId, AccessShareLock);
    bool is_allowed = true;
    for (int i = 0; i < list_length(request_.roots) && is_allowed; ++i) {
      const auto *root = static_cast<const object *>(list_nth(request_.roots, i));
      if (!is_new_in(seen_, *root)) continue;
      is_allowed = !is_part_of_another(*root);
      follow_down(*root);
      follow_queue();
    }
    table_close(catalog_, AccessShareLock);
    return is_allowed;
  }

  // A root, or, after run(), an object dropped with the roots.
  [[nodiscard]] bool has(Oid classid, Oid id) const {
    return is_in(roots_, {classid, id}) || is_in(seen_, {classid, id});
  }

 private:
  // The list grows meanwhile.
  void follow_queue() {
    for (; done_ < list_length(queue_); ++done_) {
      CHECK_FOR_INTERRUPTS();
      const auto *o = static_cast<const object *>(list_nth(queue_, done_));
      follow_down(*o);
      each_whole(*o, [this](const object &whole) { add(whole.classid, whole.id); });
    }
  }

  // The script of an extension may drop its own members.
  bool is_part_of_another(const object &root) {
    bool found = false;
    each_whole(root, [&](const object &whole) {
      const bool is_of_script = creating_extension && whole.classid == ExtensionRelationId &&
                                whole.id == CurrentExtensionObject;
      found = found || (!is_of_script && !is_in(roots_, whole));
    });
    return found;
  }

  void add(Oid classid, Oid id) {
    const object o{classid, id};
    if (!is_new_in(seen_, o)) return;
    auto *copy = static_cast<object *>(palloc(sizeof(object)));
    *copy = o;
    queue_ = lappend(queue_, copy);
  }

  // Its dependent objects.
  void follow_down(const object &o) {
    for_each_row(catalog_, DependReferenceIndexId, {Anum_pg_depend_refclassid, o.classid},
                 {Anum_pg_depend_refobjid, o.id}, [this](HeapTuple tuple) {
                   const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
                   if (request_.cascades || row->deptype != DEPENDENCY_NORMAL)
                     add(row->classid, row->objid);
                 });
  }

  // The objects of which it, or one of its columns, is a part.
  template <class F>
  void each_whole(const object &o, F f) {
    for_each_row(catalog_, DependDependerIndexId, {Anum_pg_depend_classid, o.classid},
                 {Anum_pg_depend_objid, o.id}, [&f](HeapTuple tuple) {
                   const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
                   const bool is_part =
                       row->deptype == DEPENDENCY_EXTENSION || row->deptype == DEPENDENCY_INTERNAL;
                   const bool is_itself =
                       row->refclassid == row->classid && row->refobjid == row->objid;
                   if (is_part && !is_itself) f(object{row->refclassid, row->refobjid});
                 });
  }

  const request &request_;
  List *queue_ = NIL;  // of object *
  int done_ = 0;       // processed entries of the queue
  HTAB *roots_ = make_set("objects to drop");
  HTAB *seen_ = make_set("objects to be dropped");
  Relation catalog_ = nullptr;
};

bool is_refused_anyway() {
  return !IsTransactionState() || !OidIsValid(MyDatabaseId) || RecoveryInProgress() ||
         XactReadOnly || IsInParallelMode();
}

// Which of the candidates; `wanted` has room for each.
void find_wanted(const Node *statement, const char *const *candidates, size_t count, bool *wanted) {
  if (is_refused_anyway()) return;
  const request r = of_statement(statement);
  if (r.roots == NIL) return;
  walk w(r);
  // an update drops nothing else
  if (!is_alteration(statement) && !w.run()) return;
  const Oid dynpgext = get_extension_oid("dynpgext", true);
  const bool all =
      !is_alteration(statement) && OidIsValid(dynpgext) && w.has(ExtensionRelationId, dynpgext);
  for (size_t i = 0; i < count; ++i) {
    const Oid extension = get_extension_oid(candidates[i], true);
    wanted[i] = OidIsValid(extension) && (all || w.has(ExtensionRelationId, extension));
  }
}

}  // namespace

bool may_concern_extensions(const Node *statement) {
  switch (nodeTag(statement)) {
    case T_DropOwnedStmt:
    case T_AlterExtensionStmt: return true;
    case T_RenameStmt: return is_schema_renamed(statement);
    case T_AlterObjectSchemaStmt:
      return reinterpret_cast<const AlterObjectSchemaStmt *>(statement)->objectType ==
             OBJECT_EXTENSION;
    case T_DropStmt: {
      const auto *drop = reinterpret_cast<const DropStmt *>(statement);
      const ObjectType type = drop->removeType;
      if (type == OBJECT_EXTENSION) return true;
      return drop->behavior == DROP_CASCADE &&
             (type == OBJECT_SCHEMA || type == OBJECT_TYPE || type == OBJECT_DOMAIN ||
              is_relation(type) || is_routine(type));
    }
    default: return false;
  }
}

std::vector<std::string> extensions_wanted_alone(const Node *statement,
                                                 const std::vector<std::string> &candidates) {
  std::vector<const char *> names;
  names.reserve(candidates.size());
  for (const std::string &name : candidates) names.push_back(name.c_str());
  const std::unique_ptr<bool[]> wanted(new bool[names.size()]());
  call([&, to = wanted.get()] { find_wanted(statement, names.data(), names.size(), to); });
  std::vector<std::string> result;
  for (size_t i = 0; i < names.size(); ++i)
    if (wanted[i]) result.push_back(candidates[i]);
  return result;
}

void lock_dropped(const Node *statement, const std::vector<std::string> &extensions) {
  if (is_alteration(statement)) return;
  for (const std::string &name : extensions)
    call([text = name.c_str()] {
      const Oid id = get_extension_oid(text, true);
      if (OidIsValid(id)) LockDatabaseObject(ExtensionRelationId, id, 0, AccessExclusiveLock);
    });
}

}  // namespace dynpgext::pg
