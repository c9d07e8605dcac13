-- PUBLIC gets only USAGE on the schemas, so that a GRANT on one function is all a role needs;
-- pg_monitor gets the views.

-- ALTER DEFAULT PRIVILEGES has given privileges on every object above.  They are revoked here, and so
-- are those of PUBLIC on functions and on row types: a column of such a type would block an update.
SELECT dynpgext_internal.reset_privileges();

GRANT USAGE ON SCHEMA dynpgext TO PUBLIC;
-- pg_dump calls is_dumped() as the dumping role.  Views, triggers and constraints need no USAGE.
GRANT USAGE ON SCHEMA dynpgext_internal TO PUBLIC;
-- Constraints call them as the role that writes the table.  They reveal no more than a refusal of
-- configure_worker(), and whether a trigger is enabled.
GRANT EXECUTE ON FUNCTION dynpgext_internal.may_configure(name, text), dynpgext_internal.may_write(text) TO PUBLIC;
-- Also for pg_dump.
GRANT EXECUTE ON FUNCTION dynpgext_internal.is_dumped(dynpgext.role, boolean, text, text) TO PUBLIC;

GRANT SELECT ON dynpgext.extensions, dynpgext.allocations, dynpgext.workers, dynpgext.cluster_allocations,
    dynpgext.cluster_workers, dynpgext.cluster_extensions, dynpgext.cluster_commands, dynpgext.overview, dynpgext.commands, dynpgext.events, dynpgext.runs, dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities,
    dynpgext.restore, dynpgext.status, dynpgext.hosted, dynpgext.hosted_libraries TO pg_monitor;
GRANT EXECUTE ON FUNCTION dynpgext_internal.live_extensions(boolean), dynpgext_internal.live_provisioners(),
    dynpgext_internal.live_allocations(boolean), dynpgext_internal.live_workers(boolean),
    dynpgext_internal.live_commands(boolean), dynpgext_internal.published_allocations(boolean),
    dynpgext_internal.published_workers(boolean), dynpgext_internal.published_extensions(),
    dynpgext_internal.known_allocations(boolean), dynpgext_internal.known_objects(),
    dynpgext_internal.count_states(text), dynpgext_internal.known_workers(boolean),
    dynpgext_internal.list_events(), dynpgext_internal.list_runs(), dynpgext_internal.live_hosted(),
    dynpgext_internal.boot(), dynpgext_internal.server_status(), dynpgext_internal.server_versions(),
    dynpgext.health(), dynpgext.version() TO pg_monitor;

-- The owner of the database can read the dumped tables with pg_dump.
GRANT SELECT ON dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities, dynpgext.hosted_libraries TO pg_database_owner;
