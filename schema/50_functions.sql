-- Functions for DBAs.

CREATE FUNCTION dynpgext.version() RETURNS text
LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dynpgext_version';
COMMENT ON FUNCTION dynpgext.version() IS 'version of the loaded library';

CREATE FUNCTION dynpgext.health()
RETURNS TABLE(severity text, object text, name text, database name, problem text, since timestamptz, remedy text)
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_health';
COMMENT ON FUNCTION dynpgext.health() IS 'lists problems in all databases, the worst first, and what to do about them; no row: no problem';

CREATE FUNCTION dynpgext.reload(extension name DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS TABLE(object text, name text, extension name, action text, detail text)
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_reload';
COMMENT ON FUNCTION dynpgext.reload(name, boolean) IS 'makes the live state of this database equal to the registrations, of one extension or all; returns what it did, or with dry_run would do';

CREATE FUNCTION dynpgext.load(extension name, version text DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_load';
COMMENT ON FUNCTION dynpgext.load(name, text) IS 'provisions an extension that is not eager, or was unloaded; returns its version';

CREATE FUNCTION dynpgext.unload(extension name) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_unload';
COMMENT ON FUNCTION dynpgext.unload(name) IS 'ends the workers and frees the memory of an extension until load(); it stays installed; false if it was not loaded';

CREATE FUNCTION dynpgext.start_worker(extension name, worker text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_start_worker';
COMMENT ON FUNCTION dynpgext.start_worker(name, text) IS 'starts a worker that is not running; false if there was nothing to start';

CREATE FUNCTION dynpgext.stop_worker(extension name, worker text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_stop_worker';
COMMENT ON FUNCTION dynpgext.stop_worker(name, text) IS 'stops a worker until start_worker() or a restart of the server; false if there was nothing to stop';

CREATE FUNCTION dynpgext.restart_worker(extension name, worker text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_restart_worker';
COMMENT ON FUNCTION dynpgext.restart_worker(name, text) IS 'stops a worker if it runs, and starts it; false if it could not be started';

CREATE FUNCTION dynpgext.run_worker(extension name, worker text) RETURNS interval
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_run_worker';
COMMENT ON FUNCTION dynpgext.run_worker(name, text) IS 'runs the command of an SQL worker now and waits for it to finish; returns its duration, or raises its error';

CREATE FUNCTION dynpgext.preload(enable boolean DEFAULT true) RETURNS text
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_preload';
COMMENT ON FUNCTION dynpgext.preload(boolean) IS 'adds dynpgext to shared_preload_libraries, or removes it, for the next restart of the server; returns the new setting';

CREATE FUNCTION dynpgext.configure_worker(
    extension name, worker text, enabled boolean DEFAULT NULL, restart text DEFAULT NULL,
    restart_delay interval DEFAULT NULL, run_interval interval DEFAULT NULL)
RETURNS void LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_configure_worker';
COMMENT ON FUNCTION dynpgext.configure_worker(name, text, boolean, text, interval, interval) IS 'sets whether a worker runs, its restart policy (never, on_failure, always) and delay, and the interval of an SQL worker; NULL keeps the current value; dumped by pg_dump';

CREATE FUNCTION dynpgext.reset_worker(extension name, worker text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_reset_worker';
COMMENT ON FUNCTION dynpgext.reset_worker(name, text) IS 'deletes the settings of configure_worker(); false if none were set';

CREATE FUNCTION dynpgext.release(extension name) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_release';
COMMENT ON FUNCTION dynpgext.release(name) IS 'ends the quarantine of an extension and its workers, clears their crashes, and starts them; false if there were none';

CREATE FUNCTION dynpgext.register(extension name, manifest jsonb) RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_register';
COMMENT ON FUNCTION dynpgext.register(name, jsonb) IS 'registers shared memory and workers for an extension, replacing its earlier registrations by script or by hand';

CREATE FUNCTION dynpgext.export(extension name DEFAULT NULL) RETURNS jsonb
LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'dynpgext_export';
COMMENT ON FUNCTION dynpgext.export(name) IS 'manifest of an extension or of this database: registrations and settings';

CREATE FUNCTION dynpgext.apply(manifest jsonb, dry_run boolean DEFAULT false)
RETURNS TABLE(object text, name text, extension name, action text, detail text)
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_apply';
COMMENT ON FUNCTION dynpgext.apply(jsonb, boolean) IS 'makes SQL registrations and settings equal to a manifest; returns what it did, or with dry_run would do';

-- OFFSET is a reserved word.
CREATE FUNCTION dynpgext.peek(name text, "offset" bigint DEFAULT 0, length bigint DEFAULT 64) RETURNS bytea
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_peek';
COMMENT ON FUNCTION dynpgext.peek(text, bigint, bigint) IS 'reads up to length bytes of shared memory, starting at offset, as they currently are';

CREATE FUNCTION dynpgext.begin_restore() RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_begin_restore';
COMMENT ON FUNCTION dynpgext.begin_restore() IS 'stops the workers of this database until end_restore(); false if already in effect';

CREATE FUNCTION dynpgext.end_restore() RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_end_restore';
COMMENT ON FUNCTION dynpgext.end_restore() IS 'ends the restore of this database: its workers start; false if it was not being restored';

-- Hosting: libraries for shared_preload_libraries, without it.

CREATE FUNCTION dynpgext.can_host(library text)
RETURNS TABLE(need text, detail text, verdict text)
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_can_host';
COMMENT ON FUNCTION dynpgext.can_host(text) IS 'shows the needs of a library for shared_preload_libraries, and whether hosting can meet them: hosted, limited or refused; reads its file without running it';

CREATE FUNCTION dynpgext.host(library text, scope text DEFAULT 'global', settings jsonb DEFAULT NULL, sessions boolean DEFAULT true)
RETURNS text LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_host';
COMMENT ON FUNCTION dynpgext.host(text, text, jsonb, boolean) IS 'hosts a library for shared_preload_libraries, without a restart: for the server (global) or this database; returns its state';

CREATE FUNCTION dynpgext.unhost(library text) RETURNS boolean
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_unhost';
COMMENT ON FUNCTION dynpgext.unhost(text) IS 'reverses host(); sessions that have loaded the library keep it until they end; false if this database does not host it';

CREATE FUNCTION dynpgext.rehost(library text) RETURNS text
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_rehost';
COMMENT ON FUNCTION dynpgext.rehost(text) IS 'hosts a library again, from its current file and with the current settings, new memory and new workers; returns its state';

CREATE FUNCTION dynpgext.attach_hosted() RETURNS integer
LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'dynpgext_attach_hosted';
COMMENT ON FUNCTION dynpgext.attach_hosted() IS 'loads into this session the libraries hosted since it began; returns their number';
