\echo Use "CREATE EXTENSION dynpgext_counter" to load this file. \quit

CREATE FUNCTION counter_next() RETURNS bigint
  LANGUAGE C VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION counter_next() IS
  'adds one to this database''s counter and returns the new value';

CREATE FUNCTION counter_value() RETURNS bigint
  LANGUAGE C VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION counter_value() IS
  'returns this database''s counter';

CREATE FUNCTION counter_reset() RETURNS void
  LANGUAGE C VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION counter_reset() IS
  'sets this database''s counter to zero';
