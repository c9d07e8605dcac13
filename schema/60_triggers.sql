-- Triggers that follow changes.  C functions, owned by the superuser who installs dynpgext.  They do
-- not use search_path, but it is pinned anyway.

CREATE FUNCTION dynpgext_internal.on_change() RETURNS event_trigger
LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_change';
COMMENT ON FUNCTION dynpgext_internal.on_change() IS 'internal: compares pg_extension with the registrations';

-- Not SECURITY DEFINER: it checks the current user's rights, and resolves names as the user's command
-- does.
CREATE FUNCTION dynpgext_internal.on_command_start() RETURNS event_trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'dynpgext_on_command_start';
COMMENT ON FUNCTION dynpgext_internal.on_command_start() IS 'internal: stops workers of the extensions that a command affects; checks at commit whether dynpgext itself was dropped';

CREATE EVENT TRIGGER dynpgext_on_create ON ddl_command_end
    WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION') EXECUTE FUNCTION dynpgext_internal.on_change();
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER dynpgext_on_create IS 'follows CREATE EXTENSION and ALTER EXTENSION';

-- Any DROP ... CASCADE may drop an extension.
CREATE EVENT TRIGGER dynpgext_on_drop ON sql_drop EXECUTE FUNCTION dynpgext_internal.on_change();
ALTER EVENT TRIGGER dynpgext_on_drop ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER dynpgext_on_drop IS 'follows every drop of an extension';

-- CREATE EXTENSION: to note the role that runs the script.
-- ALTER TABLE: of dynpgext's own tables, to enable triggers.
-- ALTER SCHEMA: RENAME, of a schema that workers may name.
-- Other drops only matter with CASCADE, which may drop an extension.
CREATE EVENT TRIGGER dynpgext_on_command_start ON ddl_command_start
    WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION', 'ALTER SCHEMA', 'ALTER TABLE', 'DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED', 'DROP TABLE', 'DROP FOREIGN TABLE', 'DROP VIEW',
                 'DROP MATERIALIZED VIEW', 'DROP SEQUENCE', 'DROP TYPE', 'DROP DOMAIN', 'DROP FUNCTION', 'DROP PROCEDURE', 'DROP ROUTINE',
                 'DROP AGGREGATE')
    EXECUTE FUNCTION dynpgext_internal.on_command_start();
ALTER EVENT TRIGGER dynpgext_on_command_start ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER dynpgext_on_command_start IS 'stops workers of an extension before it is changed; records who runs its script; detects the drop of dynpgext itself, after which its other triggers are gone; serializes sessions that enable triggers of its tables';

CREATE FUNCTION dynpgext_internal.on_settings() RETURNS trigger
LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_settings';
COMMENT ON FUNCTION dynpgext_internal.on_settings() IS 'internal: settings of workers take effect with the commit';

CREATE TRIGGER on_settings AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON dynpgext.worker_settings
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.on_settings();
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER on_settings;
COMMENT ON TRIGGER on_settings ON dynpgext.worker_settings IS 'follows restores and changes by hand';

-- With the rights of the writing role: only superusers may revoke settings of a global worker.
CREATE FUNCTION dynpgext_internal.before_settings() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_before_settings';
COMMENT ON FUNCTION dynpgext_internal.before_settings() IS 'internal: only superusers change settings of global workers';

CREATE TRIGGER before_settings BEFORE UPDATE OR DELETE ON dynpgext.worker_settings
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.before_settings();
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_settings;
COMMENT ON TRIGGER before_settings ON dynpgext.worker_settings IS 'only superusers change settings of global workers';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.worker_settings
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.before_settings();
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.worker_settings IS 'takes turns with configure_worker() and apply()';

CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.worker_settings
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.before_settings();
ALTER TABLE dynpgext.worker_settings ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.worker_settings IS 'only superusers remove settings of global workers';

-- With the rights of the writing role, which may only write what it may register.
CREATE FUNCTION dynpgext_internal.on_manifests() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_manifests';
COMMENT ON FUNCTION dynpgext_internal.on_manifests() IS 'internal: repeats registrations by hand when they are restored';

CREATE TRIGGER on_manifests AFTER INSERT OR UPDATE ON dynpgext.manifests
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.on_manifests();
ALTER TABLE dynpgext.manifests ENABLE ALWAYS TRIGGER on_manifests;
COMMENT ON TRIGGER on_manifests ON dynpgext.manifests IS 'follows restores and changes by hand';

CREATE FUNCTION dynpgext_internal.before_manifests() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_before_manifests';
COMMENT ON FUNCTION dynpgext_internal.before_manifests() IS 'internal: non-superusers change or delete only rows of their own extensions';

CREATE TRIGGER before_manifests BEFORE UPDATE OR DELETE ON dynpgext.manifests
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.before_manifests();
ALTER TABLE dynpgext.manifests ENABLE ALWAYS TRIGGER before_manifests;
COMMENT ON TRIGGER before_manifests ON dynpgext.manifests IS 'non-superusers change or delete only rows of their own extensions';

CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.manifests
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.before_manifests();
ALTER TABLE dynpgext.manifests ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.manifests IS 'non-superusers remove only rows of their own extensions';

-- Logical replication fires row triggers only, and pg_restore --disable-triggers fires none.
CREATE FUNCTION dynpgext_internal.on_replicated() RETURNS trigger
LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_replicated';
COMMENT ON FUNCTION dynpgext_internal.on_replicated() IS 'internal: a visit follows replicated changes';

CREATE TRIGGER on_replicated AFTER INSERT OR UPDATE OR DELETE ON dynpgext.worker_settings
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.on_replicated();
ALTER TABLE dynpgext.worker_settings ENABLE REPLICA TRIGGER on_replicated;
COMMENT ON TRIGGER on_replicated ON dynpgext.worker_settings IS 'follows logical replication';

CREATE TRIGGER on_replicated AFTER INSERT OR UPDATE OR DELETE ON dynpgext.manifests
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.on_replicated();
ALTER TABLE dynpgext.manifests ENABLE REPLICA TRIGGER on_replicated;
COMMENT ON TRIGGER on_replicated ON dynpgext.manifests IS 'follows logical replication';

CREATE FUNCTION dynpgext_internal.on_alter() RETURNS event_trigger
LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_alter';
COMMENT ON FUNCTION dynpgext_internal.on_alter() IS 'internal: follows rows written while triggers were disabled';

CREATE EVENT TRIGGER dynpgext_on_alter ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION dynpgext_internal.on_alter();
ALTER EVENT TRIGGER dynpgext_on_alter ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER dynpgext_on_alter IS 'detects when triggers of dynpgext''s tables are enabled';

CREATE FUNCTION dynpgext_internal.on_identities() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_on_identities';
COMMENT ON FUNCTION dynpgext_internal.on_identities() IS 'internal: commands keep their roles after a restore, or have none';

CREATE TRIGGER on_identities AFTER INSERT OR UPDATE ON dynpgext.identities
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.on_identities();
ALTER TABLE dynpgext.identities ENABLE ALWAYS TRIGGER on_identities;
COMMENT ON TRIGGER on_identities ON dynpgext.identities IS 'follows a restore';

-- For tables that only dynpgext writes, below SQL: members of pg_write_all_data can write them
-- without a grant.  For each row, because logical replication fires no other triggers.
CREATE FUNCTION dynpgext_internal.only_superusers() RETURNS trigger
LANGUAGE C SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'dynpgext_only_superusers';
COMMENT ON FUNCTION dynpgext_internal.only_superusers() IS 'internal: refuses non-superusers';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_extension
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_extension ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_extension IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_extension
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_extension ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_extension IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_allocation
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_allocation ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_allocation IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_allocation
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_allocation ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_allocation IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_worker
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_worker ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_worker IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_worker
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_worker ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_worker IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_command
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_command ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_command IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_command
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_command ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_command IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_content
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_content ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_content IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_content
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_content ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_content IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.registered_manifest
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_manifest ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.registered_manifest IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.registered_manifest
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.registered_manifest ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.registered_manifest IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.restore
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.restore ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.restore IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.restore
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.restore ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.restore IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.identities
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.identities ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.identities IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.identities
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.identities ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.identities IS 'only superusers write it';

CREATE TRIGGER before_write BEFORE INSERT OR UPDATE OR DELETE ON dynpgext.hosted_libraries
    FOR EACH ROW EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.hosted_libraries ENABLE ALWAYS TRIGGER before_write;
COMMENT ON TRIGGER before_write ON dynpgext.hosted_libraries IS 'only superusers write it';
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON dynpgext.hosted_libraries
    FOR EACH STATEMENT EXECUTE FUNCTION dynpgext_internal.only_superusers();
ALTER TABLE dynpgext.hosted_libraries ENABLE ALWAYS TRIGGER before_truncate;
COMMENT ON TRIGGER before_truncate ON dynpgext.hosted_libraries IS 'only superusers write it';
