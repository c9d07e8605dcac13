# shellcheck shell=bash
# Private servers: each has its own folder in the scratch folder, listens only on a unix socket there,
# and is not safe against power failure.

server_major() { "$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'; }

pg_bindir() { "$PG_CONFIG" --bindir; }

# server_start NAME [SETTING=VALUE]...: makes it and starts it, with these settings and those in
# DYNPGEXT_SERVER_SETTINGS; from then on clients use it.
server_start() {
  local name=$1 setting
  shift
  server_use "$name"
  as_user mkdir -p "$PGHOST"
  as_user "$(pg_bindir)/initdb" -D "$PGHOST/data" -U "$PGUSER" -A trust -E UTF8 --locale=C \
    --no-sync >"$SCRATCH/initdb.log" || die "initdb failed"
  for setting in listen_addresses= "unix_socket_directories=$PGHOST" "port=$PGPORT" fsync=off "$@" \
    $(server_folders) ${DYNPGEXT_SERVER_SETTINGS:-}; do
    printf "%s = '%s'\n" "${setting%%=*}" "${setting#*=}"
  done | as_user tee -a "$PGHOST/data/postgresql.conf" >/dev/null
  server_ctl start
}

# Since 18 a server also finds extensions in other folders: those in DYNPGEXT_PREFIX come first, each
# with lib and share/extension.
server_folders() {
  local folder control= library=
  [ -n "${DYNPGEXT_PREFIX:-}" ] || return 0
  for folder in ${DYNPGEXT_PREFIX//:/ }; do
    control+=$folder/share: library+=$folder/lib:
  done
  printf '%s\n' "extension_control_path=$control\$system" "dynamic_library_path=$library\$libdir"
}

# server_use NAME: sets the environment with which libpq finds it.
server_use() {
  PATH=$(pg_bindir):$PATH
  export PATH PGHOST="$SCRATCH/$1" PGPORT=54329 PGUSER=postgres PGDATABASE=postgres
}

# server_ctl start|stop|restart: the server in use.
server_ctl() {
  as_user "$(pg_bindir)/pg_ctl" "$1" -s -w -m fast -D "$PGHOST/data" -l "$PGHOST/log" && return
  server_log
  die "cannot $1 the server"
}

server_log() {
  say "end of the server's log"
  tail -n 60 "$PGHOST/log"
}
