-- This loads the library in this session, silently (a script's NOTICEs are not shown).
CREATE FUNCTION dx_plain() RETURNS integer LANGUAGE C AS 'MODULE_PATHNAME';
-- It crashes the server.
CREATE FUNCTION dx_plain_crash() RETURNS void LANGUAGE C AS 'MODULE_PATHNAME';
-- It ends the process with exit code 0.
CREATE FUNCTION dx_plain_leave() RETURNS void LANGUAGE C AS 'MODULE_PATHNAME';
