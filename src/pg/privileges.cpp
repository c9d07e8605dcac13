#include "pg/privileges.h"

#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// The REVOKE and the GRANT of each member.  Row types are included with their relations: they are
// members only since PostgreSQL 17, and then their array types are, too.  The server refuses to
// change the privileges of array types, which are those of the element.  The second column: is it
// about a type?
constexpr const char *statements = R"(
  WITH member AS (
      SELECT classid, objid FROM pg_depend
       WHERE refclassid = 'pg_extension'::regclass AND refobjid = $1 AND deptype = 'e'),
  object (what, owner, privileges) AS (
      SELECT format('SCHEMA %I', nspname), nspowner, coalesce(nspacl, acldefault('n', nspowner))
        FROM pg_namespace JOIN member ON classid = 'pg_namespace'::regclass AND objid = oid
      UNION ALL
      SELECT format('TABLE %s', oid::regclass), relowner, coalesce(relacl, acldefault('r', relowner))
        FROM pg_class JOIN member ON classid = 'pg_class'::regclass AND objid = oid
      UNION ALL
      SELECT format('TYPE %s', oid::regtype), typowner, coalesce(typacl, acldefault('T', typowner))
        FROM pg_type
       WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass
                      UNION
                     SELECT reltype FROM pg_class JOIN member ON classid = 'pg_class'::regclass AND objid = oid)
         AND typsubscript <> 'array_subscript_handler'::regproc
      UNION ALL
      SELECT format('FUNCTION %s', oid::regprocedure), proowner, coalesce(proacl, acldefault('f', proowner))
        FROM pg_proc JOIN member ON classid = 'pg_proc'::regclass AND objid = oid),
  wanted AS (SELECT * FROM object WHERE $2 IS NULL OR what = ANY ($2))
  SELECT format('REVOKE ALL ON %s FROM %s CASCADE', what,
                string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ')),
         what LIKE 'TYPE %'
    FROM wanted, aclexplode(privileges) WHERE grantee <> owner GROUP BY what
  UNION ALL
  SELECT format('GRANT ALL ON %s TO %I', what, pg_get_userbyid(owner)), what LIKE 'TYPE %' FROM wanted)";

// In an extension's script the server records each privilege for pg_dump (pg_init_privs), which
// does not support those of row types and warns of each.  It dumps none of them anyway.
void execute_unnoted(const char *statement, bool is_unnoted) {
  creating_extension = !is_unnoted;
  const int done = SPI_execute(statement, false, 0);
  creating_extension = true;  // after an ERROR the server resets it itself
  if (done != SPI_OK_UTILITY) elog(ERROR, "could not execute: %s", statement);
}

}  // namespace

void reset_privileges(Oid extension, std::optional<Datum> only) {
  const pinned_identity pinned(GetUserId());
  call([=] {
    Oid types[] = {OIDOID, TEXTARRAYOID};
    Datum values[] = {ObjectIdGetDatum(extension), only.value_or(Datum{0})};
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    const char *nulls = only ? "  " : " n";
    if (SPI_execute_with_args(statements, 2, types, values, nulls, true, 0) != SPI_OK_SELECT)
      elog(ERROR, "could not read the privileges of the extension's members");
    SPITupleTable *const found = SPI_tuptable;
    const uint64 count = SPI_processed;
    for (uint64 i = 0; i < count; ++i) {
      const char *statement = SPI_getvalue(found->vals[i], found->tupdesc, 1);
      bool is_null = false;
      execute_unnoted(statement,
                      DatumGetBool(SPI_getbinval(found->vals[i], found->tupdesc, 2, &is_null)));
    }
    SPI_finish();
  });
}

}  // namespace dynpgext::pg
