-- dynpgext's install script; put together from schema/*.sql by the Makefile.
\echo Use "CREATE EXTENSION dynpgext" to load this file. \quit

-- Made here rather than by the control file: if somebody has made one of them before, this fails.
CREATE SCHEMA dynpgext;
COMMENT ON SCHEMA dynpgext IS 'shared memory and background workers of extensions, provisioned at run time';

-- For what is no interface: \df dynpgext.* shows nothing but what users call.
CREATE SCHEMA dynpgext_internal;
COMMENT ON SCHEMA dynpgext_internal IS 'internal: what the views, triggers and constraints of dynpgext call; may change in any version';

