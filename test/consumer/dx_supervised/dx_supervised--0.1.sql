CREATE FUNCTION dx_supervised_command(worker integer, command text) RETURNS boolean
  LANGUAGE C AS 'MODULE_PATHNAME';
CREATE FUNCTION dx_supervised_info(
  worker integer,
  OUT pid integer,
  OUT starts integer,
  OUT wakes bigint,
  OUT beats bigint,
  OUT command text,
  OUT doing text,
  OUT note text,
  OUT callbacks integer
) LANGUAGE C AS 'MODULE_PATHNAME';
