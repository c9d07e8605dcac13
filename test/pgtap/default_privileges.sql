-- The privileges on dynpgext's objects are the documented ones, whatever ALTER DEFAULT PRIVILEGES
-- gives to new objects of the installing role.
\ir include/helpers.sql
SELECT no_plan();

CREATE ROLE dx_nobody;

CREATE FUNCTION pg_temp.privileges() RETURNS TABLE(object text, privileges text) LANGUAGE sql AS $$
  SELECT what, coalesce(string_agg(format('%s: %s', a.grantee::regrole, a.privilege_type), ', ' ORDER BY a.grantee::regrole::text, a.privilege_type), '')
    FROM (SELECT pg_describe_object('pg_namespace'::regclass, oid, 0), coalesce(nspacl, acldefault('n', nspowner))
            FROM pg_namespace WHERE nspname IN ('dynpgext', 'dynpgext_internal')
          UNION ALL
          SELECT pg_describe_object('pg_class'::regclass, oid, 0), coalesce(relacl, acldefault('r', relowner))
            FROM pg_class WHERE relnamespace = 'dynpgext'::regnamespace AND relkind IN ('r', 'v')
          UNION ALL
          SELECT pg_describe_object('pg_type'::regclass, oid, 0), coalesce(typacl, acldefault('T', typowner))
            FROM pg_type WHERE typnamespace = 'dynpgext'::regnamespace AND typtype = 'c' OR oid = 'dynpgext.role'::regtype
          UNION ALL
          SELECT pg_describe_object('pg_proc'::regclass, oid, 0), coalesce(proacl, acldefault('f', proowner))
            FROM pg_proc WHERE pronamespace IN ('dynpgext'::regnamespace, 'dynpgext_internal'::regnamespace)) AS o (what, acl)
         LEFT JOIN LATERAL aclexplode(acl) a ON true
   GROUP BY what
$$;
CREATE TEMP TABLE usual AS SELECT * FROM pg_temp.privileges();

DROP EXTENSION dynpgext;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO dx_nobody WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO dx_nobody;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO dx_nobody;
ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO dx_nobody;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM CURRENT_USER;
CREATE EXTENSION dynpgext;

SELECT set_eq('SELECT * FROM pg_temp.privileges()', 'SELECT * FROM usual', 'default privileges have no effect');
SELECT is_empty($$SELECT * FROM pg_temp.privileges() WHERE privileges ~ 'dx_nobody'$$, 'a role that they name has none');
SELECT is_empty($$SELECT p.object FROM pg_temp.privileges() p WHERE p.object ~ '^table' AND p.privileges !~ 'INSERT'$$,
  'the owner has all that they have taken');

-- Objects that depend on a row type cannot block an update or a drop.
SELECT is_empty($$
    SELECT t.oid::regtype FROM pg_type t WHERE typnamespace IN ('dynpgext'::regnamespace, 'dynpgext_internal'::regnamespace)
       AND has_type_privilege('dx_nobody', t.oid, 'USAGE')$$,
  'nobody may use the row types');
GRANT CREATE ON SCHEMA public TO dx_nobody;
SET ROLE dx_nobody;
SELECT throws_ok('CREATE TABLE public.dx_column (r dynpgext.registered_worker)', '42501', NULL,
  'a column of such a type is refused');
SELECT throws_ok('CREATE TABLE public.dx_column (r dynpgext.workers[])', '42501', NULL,
  'also of an array of a view''s');
RESET ROLE;

DROP OWNED BY dx_nobody;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO CURRENT_USER;
DROP ROLE dx_nobody;
SELECT is_empty('SELECT * FROM pg_default_acl', 'the default privileges are as before');
SELECT * FROM finish();
