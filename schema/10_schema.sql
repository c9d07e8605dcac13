-- dynpgext's install script; put together from schema/*.sql by the Makefile.
\echo Use "CREATE EXTENSION dynpgext" to load this file. \quit

-- Made here rather than by the control file: if somebody has made one before, this fails.
CREATE SCHEMA dynpgext;
COMMENT ON SCHEMA dynpgext IS 'shared memory and background workers of extensions, provisioned at run time';

