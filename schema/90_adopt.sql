-- Last: what is installed already takes part from now on.

CREATE FUNCTION dynpgext.adopt_installed_extensions() RETURNS void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'dynpgext_adopt';
COMMENT ON FUNCTION dynpgext.adopt_installed_extensions() IS 'internal: for the install script';
REVOKE ALL ON FUNCTION dynpgext.adopt_installed_extensions() FROM PUBLIC;

SELECT dynpgext.adopt_installed_extensions();
