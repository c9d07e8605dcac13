# shellcheck shell=bash
# What every script here starts with: strict mode, where things are, how to speak and die.
set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The server to build for and to test with.
export PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}

# Output is read by programs here, and no server but our own is to be reached.
export LC_ALL=C
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGDATA PGSERVICE PGOPTIONS PGPASSWORD PGAPPNAME
unset MAKEFLAGS MFLAGS MAKELEVEL

say() { printf '== %s\n' "$*"; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The comment that a script starts with is its manual.
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# check NAME COMMAND...: runs it and says "ok - NAME" or "not ok - NAME"; never fails.
check() {
  if "${@:2}"; then echo "ok - $1"; else echo "not ok - $1"; fi
}

# quietly LOG COMMAND...: shows what it printed only when it fails.
quietly() {
  local status=0
  "${@:2}" >"$1" 2>&1 || status=$?
  [ "$status" -eq 0 ] || cat "$1" >&2
  return "$status"
}
