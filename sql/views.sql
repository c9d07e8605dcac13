--
-- The views, and the causes of each state.
--
\set VERBOSITY terse
CREATE EXTENSION dynpgext;
\d dynpgext.extensions
\d dynpgext.allocations
\d dynpgext.workers
\d dynpgext.events
\d dynpgext.status

-- extensions: provisioned, unloaded, failed
CREATE EXTENSION dx_memory;
CREATE EXTENSION dx_lazy;
ALTER EVENT TRIGGER dynpgext_on_create DISABLE;
SET dx_raise.at = 'before';
CREATE EXTENSION dx_raise;
ALTER EVENT TRIGGER dynpgext_on_create ENABLE ALWAYS;
SELECT object, name, action, detail FROM dynpgext.reload();
SELECT extension, version, library, state, error, allocations, workers, provisioned_at IS NOT NULL AS was_provisioned
  FROM dynpgext.extensions ORDER BY extension;

-- Loaded, and repaired
SELECT dynpgext.load('dx_lazy');
SET dx_raise.at = 'none';
SELECT object, name, action, detail FROM dynpgext.reload('dx_raise');
SELECT extension, state, error, allocations, workers FROM dynpgext.extensions ORDER BY extension;
DROP EXTENSION dx_raise;
DROP EXTENSION dx_lazy;

-- allocations: those of this database and the global ones
SELECT name, extension, version, scope, database = current_database() AS here, size, state, attached,
       allocated_at IS NOT NULL AS has_memory
  FROM dynpgext.allocations ORDER BY name;

-- attached: processes that have looked it up
SELECT dx_write('dx_memory:local', 'hello');
SELECT dx_read('dx_memory:local');
SELECT name, attached FROM dynpgext.allocations WHERE attached > 0;

-- draining: dropped, and still looked up
ALTER EXTENSION dx_memory UPDATE TO '0.2';
SELECT dx_read('dx_memory:local');
SELECT dx_read('dx_memory:coming') IS NOT NULL AS has_come;
SELECT name, version, size, state, attached FROM dynpgext.allocations ORDER BY name;
DROP EXTENSION dx_memory;
SELECT name, extension, version, size, state, attached FROM dynpgext.allocations WHERE scope = 'database' ORDER BY name;

-- cluster_allocations and cluster_workers: the same for all databases
SELECT name, extension, size, state FROM dynpgext.cluster_allocations
 WHERE database = current_database() ORDER BY name;

-- events: since its update
SELECT extension, object, name, database = current_database() AS here, event, detail
  FROM dynpgext.events
 WHERE at > (SELECT max(at) FROM dynpgext.events WHERE object = 'extension' AND name = 'dx_memory' AND event = 'provisioned')
 ORDER BY name;

-- status: one row
SELECT version = dynpgext.version() AS version, preloaded, memory_used > 0 AS memory_used, memory_limit,
       databases > 0 AS databases
  FROM dynpgext.status;
DROP EXTENSION dynpgext;
