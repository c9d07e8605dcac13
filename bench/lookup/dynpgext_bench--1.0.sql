CREATE FUNCTION bench_lookup(what text, names text, source text, count bigint) RETURNS float8
  LANGUAGE C STRICT AS 'MODULE_PATHNAME';
CREATE FUNCTION bench_memory(OUT top bigint, OUT heap bigint, OUT resident bigint)
  LANGUAGE C AS 'MODULE_PATHNAME';
CREATE FUNCTION bench_mark() RETURNS void LANGUAGE C AS 'MODULE_PATHNAME';
CREATE FUNCTION bench_wait() RETURNS bigint LANGUAGE C AS 'MODULE_PATHNAME';
CREATE FUNCTION bench_start_at_commit() RETURNS void LANGUAGE C AS 'MODULE_PATHNAME';
