# shellcheck shell=bash
# The beginning of every script: strict mode, paths, messages and errors.
set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The server to build for and to test with.
export PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}

# The scripts parse output, and must not reach other servers.
export LC_ALL=C
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGDATA PGSERVICE PGOPTIONS PGPASSWORD PGAPPNAME
unset MAKEFLAGS MFLAGS MAKELEVEL

say() { printf '== %s\n' "$*"; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The first comment of a script is its manual.
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# check NAME COMMAND...: runs it and prints "ok - NAME" or "not ok - NAME"; never fails.
check() {
  if "${@:2}"; then echo "ok - $1"; else echo "not ok - $1"; fi
}

# quietly LOG COMMAND...: shows the output only if the command fails, and a line for each five seconds that
# it takes.  (A sleep would survive the kill, and keep standard error open.)
quietly() {
  local status=0 started=$SECONDS ticker
  (while ! read -rt 5 _ && kill -0 $$; do echo "... $(basename "$1" .log): $((SECONDS - started)) s"; done <> <(:) >&2) &
  ticker=$!
  "${@:2}" >"$1" 2>&1 || status=$?
  kill "$ticker"
  wait "$ticker" || true
  [ "$status" -eq 0 ] || cat "$1" >&2
  return "$status"
}
