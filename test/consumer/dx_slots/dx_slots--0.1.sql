-- Takes every slot for a moment.
CREATE FUNCTION dx_free_slots() RETURNS integer LANGUAGE C AS 'MODULE_PATHNAME';
-- Takes every slot for segments of dynamic shared memory, until the session ends.
CREATE FUNCTION dx_take_segments() RETURNS integer LANGUAGE C AS 'MODULE_PATHNAME';
