-- Nothing for PUBLIC but the schema, so that a GRANT on one function is all a role needs;
-- the views for pg_monitor.

-- Every object above has the privileges that ALTER DEFAULT PRIVILEGES gave it.  They end here, with
-- those of PUBLIC on functions and on row types: a column of such a type would block an update.
SELECT dynpgext.reset_privileges();

GRANT USAGE ON SCHEMA dynpgext TO PUBLIC;
-- Constraints call them as whoever writes the tables.  They tell no more than a refusal of configure_worker(),
-- and whether a trigger is on.
GRANT EXECUTE ON FUNCTION dynpgext.may_configure(name, text), dynpgext.may_write(text) TO PUBLIC;
-- pg_dump calls it as whoever dumps.
GRANT EXECUTE ON FUNCTION dynpgext.is_dumped(dynpgext.role, boolean, text, text) TO PUBLIC;

GRANT SELECT ON dynpgext.extensions, dynpgext.allocations, dynpgext.workers, dynpgext.cluster_allocations,
    dynpgext.cluster_workers, dynpgext.cluster_extensions, dynpgext.cluster_commands, dynpgext.overview, dynpgext.commands, dynpgext.events, dynpgext.runs, dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities,
    dynpgext.restore, dynpgext.status, dynpgext.hosted, dynpgext.hosted_libraries TO pg_monitor;
GRANT EXECUTE ON FUNCTION dynpgext.live_extensions(boolean), dynpgext.live_provisioners(), dynpgext.live_allocations(boolean), dynpgext.live_workers(boolean), dynpgext.live_commands(boolean),
    dynpgext.published_allocations(boolean), dynpgext.published_workers(boolean), dynpgext.published_extensions(), dynpgext.known_allocations(boolean), dynpgext.known_objects(), dynpgext.count_states(text), dynpgext.health(), dynpgext.known_workers(boolean), dynpgext.list_events(), dynpgext.list_runs(), dynpgext.live_hosted(), dynpgext.boot(), dynpgext.server_status(), dynpgext.server_versions(),
    dynpgext.version() TO pg_monitor;

-- pg_dump by the owner of the database reads what it dumps.
GRANT SELECT ON dynpgext.worker_settings, dynpgext.manifests, dynpgext.identities, dynpgext.hosted_libraries TO pg_database_owner;
