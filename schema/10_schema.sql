-- dynpgext's install script, assembled from schema/*.sql by the Makefile.
\echo Use "CREATE EXTENSION dynpgext" to load this file. \quit

-- Created here, not by the control file, so that the script fails if one of them already exists.
CREATE SCHEMA dynpgext;
COMMENT ON SCHEMA dynpgext IS 'shared memory and background workers of extensions, provisioned at run time';

-- Objects that are not part of the interface: \df dynpgext.* shows only functions for users.
CREATE SCHEMA dynpgext_internal;
COMMENT ON SCHEMA dynpgext_internal IS 'internal: called by the views, triggers and constraints of dynpgext; may change in any version';

