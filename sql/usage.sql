--
-- The usage of an extension with shared memory and a worker, from the beginning.
--
\set VERBOSITY terse
CREATE EXTENSION dynpgext;

-- The usage text of the documentation as an extension: 1 kB of shared memory in each database,
-- and one worker for the server.
CREATE EXTENSION dx_usage;
SELECT dx_usage_value();

-- The same in C++.
CREATE EXTENSION dx_usage_cpp;
SELECT dx_usage_cpp_value();

-- The views for a DBA
SELECT extension, version, state, error, allocations, workers FROM dynpgext.extensions ORDER BY extension;
SELECT name, extension, scope, size, state, attached FROM dynpgext.allocations ORDER BY name;
SELECT extension, name, type, scope, library, function, restart FROM dynpgext.workers ORDER BY extension;

-- A reload has nothing to do.
SELECT * FROM dynpgext.reload();

-- Registrations are transactional.
BEGIN;
DROP EXTENSION dx_usage_cpp;
SELECT extension, state FROM dynpgext.extensions;
ROLLBACK;
SELECT extension, state FROM dynpgext.extensions ORDER BY extension;

-- DROP EXTENSION drops its memory; this session has looked it up, so it drains.
DROP EXTENSION dx_usage_cpp;
SELECT name, extension, state, attached FROM dynpgext.allocations ORDER BY name;
DROP EXTENSION dx_usage;

-- Dropping dynpgext itself removes everything else.
DROP EXTENSION dynpgext;
SELECT to_regnamespace('dynpgext') IS NULL AS gone;
