# shellcheck shell=bash
# One scratch folder for a run: all files and processes of the run are below it, and are removed with
# it.  Only the unprivileged user has access, so its servers can trust every connection.

scratch_make() {
  RUN_USER=$(run_user)
  SCRATCH=$(mktemp -d /tmp/dynpgext.XXXXXX) # short: the path of a socket has at most 107 bytes
  trap scratch_remove EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir "$SCRATCH/tmp"
  if is_root; then chown -R "$RUN_USER" "$SCRATCH"; fi
}

scratch_remove() {
  scratch_stop_servers
  rm -rf "$SCRATCH"
}

# Also ends processes that a test has left behind.  A process is ours if its working directory is in our
# folder.
scratch_stop_servers() {
  local pidfile data
  while read -r pidfile; do
    data=${pidfile%/postmaster.pid}
    if [ "$(readlink "/proc/$(head -n 1 "$pidfile")/cwd")" = "$data" ]; then
      as_user "$(pg_bindir)/pg_ctl" stop -s -m immediate -D "$data" || true
    fi
  done < <(find "$SCRATCH" -name postmaster.pid)
}
