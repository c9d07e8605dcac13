CREATE FUNCTION dx_border_fill_slots() RETURNS integer
  LANGUAGE C AS 'MODULE_PATHNAME';
CREATE TABLE dx_border_rows (id integer PRIMARY KEY);
