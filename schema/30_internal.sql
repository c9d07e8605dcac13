-- Functions on which the views are based.  Not an interface: they may change in any version.

CREATE FUNCTION dynpgext_internal.live_extensions(
    whole boolean DEFAULT true, OUT database oid, OUT extension name, OUT state text, OUT error text, OUT provisioned_at timestamptz,
    OUT since timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_extensions';
COMMENT ON FUNCTION dynpgext_internal.live_extensions(boolean) IS 'internal: states of extensions of this database, or of all';

CREATE FUNCTION dynpgext_internal.live_provisioners(OUT database oid, OUT extension name, OUT pid integer)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_provisioners';
COMMENT ON FUNCTION dynpgext_internal.live_provisioners() IS 'internal: processes that hold the provisioning lock and run extension code, in all databases';

CREATE FUNCTION dynpgext_internal.live_allocations(
    whole boolean DEFAULT true, OUT home oid, OUT name text, OUT extension name, OUT size bigint, OUT state text, OUT attached integer,
    OUT allocated_at timestamptz, OUT since timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_allocations';
COMMENT ON FUNCTION dynpgext_internal.live_allocations(boolean) IS 'internal: existing memory of this database and global memory, or all';

CREATE FUNCTION dynpgext_internal.live_workers(
    whole boolean DEFAULT true, OUT home oid, OUT extension name, OUT name text, OUT version text, OUT type text, OUT library text,
    OUT function text, OUT state text, OUT pid integer, OUT starts bigint, OUT last_started_at timestamptz,
    OUT last_exited_at timestamptz, OUT last_exit_code integer, OUT last_error text, OUT leaving boolean,
    OUT restart text, OUT next_start_at timestamptz, OUT stale boolean, OUT waits_for text,
    OUT since timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_workers';
COMMENT ON FUNCTION dynpgext_internal.live_workers(boolean) IS 'internal: states of workers of this database and global ones, or of all';

CREATE FUNCTION dynpgext_internal.live_commands(
    whole boolean DEFAULT true, OUT home oid, OUT extension name, OUT worker text, OUT source oid, OUT state text, OUT pid integer, OUT runs bigint,
    OUT failures bigint, OUT last_run_at timestamptz, OUT last_duration interval, OUT last_failed_at timestamptz,
    OUT last_error text, OUT next_run_at timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_commands';
COMMENT ON FUNCTION dynpgext_internal.live_commands(boolean) IS 'internal: states of SQL workers of this database and global ones, or of all';

CREATE FUNCTION dynpgext_internal.published_allocations(
    whole boolean DEFAULT true, OUT home oid, OUT database oid, OUT name text, OUT extension name, OUT version text, OUT scope text,
    OUT size bigint)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_published_allocations';
COMMENT ON FUNCTION dynpgext_internal.published_allocations(boolean) IS 'internal: registered memory of this database and global memory, or all';

CREATE FUNCTION dynpgext_internal.published_workers(
    whole boolean DEFAULT true, OUT home oid, OUT database oid, OUT extension name, OUT version text, OUT name text, OUT type text,
    OUT scope text, OUT library text, OUT function text, OUT restart text, OUT is_command boolean, OUT run_as oid)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_published_workers';
COMMENT ON FUNCTION dynpgext_internal.published_workers(boolean) IS 'internal: registered workers of this database and global ones, or all';

CREATE FUNCTION dynpgext_internal.published_extensions(
    OUT database oid, OUT extension name, OUT version text, OUT library text,
    OUT allocations bigint, OUT workers bigint)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_published_extensions';
COMMENT ON FUNCTION dynpgext_internal.published_extensions() IS 'internal: registered, wanted extensions of all databases, and how much they register';

CREATE FUNCTION dynpgext_internal.list_events(
    OUT at timestamptz, OUT extension name, OUT object text, OUT name text, OUT home oid, OUT event text,
    OUT detail text)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_list_events';
COMMENT ON FUNCTION dynpgext_internal.list_events() IS 'internal: the rows of dynpgext.events';

CREATE FUNCTION dynpgext_internal.list_runs(
    OUT extension name, OUT worker text, OUT home oid, OUT ran_in oid, OUT started_at timestamptz,
    OUT duration interval, OUT outcome text, OUT error text)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_list_runs';
COMMENT ON FUNCTION dynpgext_internal.list_runs() IS 'internal: the rows of dynpgext.runs';

CREATE FUNCTION dynpgext_internal.boot() RETURNS bigint
LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'dynpgext_boot';
COMMENT ON FUNCTION dynpgext_internal.boot() IS 'internal: ID of the server''s current shared memory';

CREATE FUNCTION dynpgext_internal.server_status(
    OUT version text, OUT preloaded boolean, OUT launcher_pid integer, OUT memory_used bigint,
    OUT memory_limit bigint, OUT databases bigint, OUT allocations bigint, OUT workers bigint)
RETURNS SETOF record ROWS 1 LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_status';
COMMENT ON FUNCTION dynpgext_internal.server_status() IS 'internal: the row of dynpgext.status';

CREATE FUNCTION dynpgext_internal.server_versions(OUT launcher_version text, OUT oldest_version text, OUT newest_version text)
RETURNS SETOF record ROWS 1 LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_versions';
COMMENT ON FUNCTION dynpgext_internal.server_versions() IS 'internal: library versions that processes run';

CREATE FUNCTION dynpgext_internal.live_hosted(
    OUT library name, OUT home oid, OUT source oid, OUT "position" integer, OUT state text, OUT error text,
    OUT memory_requested bigint, OUT memory_used bigint, OUT workers integer, OUT settings text,
    OUT sessions integer, OUT stale boolean, OUT hosted_at timestamptz)
RETURNS SETOF record LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_live_hosted';
COMMENT ON FUNCTION dynpgext_internal.live_hosted() IS 'internal: instances of hosted libraries';

-- Only for this script and for updates.

CREATE FUNCTION dynpgext_internal.adopt_installed_extensions() RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_adopt';
COMMENT ON FUNCTION dynpgext_internal.adopt_installed_extensions() IS 'internal: for the install script';

CREATE FUNCTION dynpgext_internal.reset_privileges(objects text[] DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_reset_privileges';
COMMENT ON FUNCTION dynpgext_internal.reset_privileges(text[]) IS 'internal: for the install script, and for new objects in updates, before any GRANT';
