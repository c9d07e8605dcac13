CREATE FUNCTION bench_end_worker() RETURNS void LANGUAGE C AS 'MODULE_PATHNAME';
CREATE FUNCTION bench_worker_times(OUT pid integer, OUT runs integer, OUT ended bigint, OUT began bigint)
  LANGUAGE C AS 'MODULE_PATHNAME';
CREATE FUNCTION bench_heartbeats(OUT heartbeat float8, OUT clock_and_store float8, OUT clock float8, OUT store float8)
  LANGUAGE C AS 'MODULE_PATHNAME';
CREATE FUNCTION bench_time_lookup() RETURNS float8 LANGUAGE C AS 'MODULE_PATHNAME';
