-- Takes every slot for a moment.
CREATE FUNCTION dx_free_slots() RETURNS integer LANGUAGE C AS 'MODULE_PATHNAME';
