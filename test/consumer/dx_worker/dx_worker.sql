CREATE OR REPLACE FUNCTION dx_worker_command(scope text, command text) RETURNS boolean
  LANGUAGE C AS 'MODULE_PATHNAME';
CREATE OR REPLACE FUNCTION dx_worker_info(
  scope text,
  OUT version text,
  OUT callbacks integer,
  OUT starter_pid integer,
  OUT waited_pid integer,
  OUT waited_status text,
  OUT starts integer,
  OUT pid integer,
  OUT argument bigint,
  OUT name text,
  OUT type text,
  OUT extra text,
  OUT library text,
  OUT function text,
  OUT address_before bigint,
  OUT address_after bigint,
  OUT command text,
  OUT listening boolean
) LANGUAGE C AS 'MODULE_PATHNAME';
