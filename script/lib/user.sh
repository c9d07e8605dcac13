# shellcheck shell=bash
# PostgreSQL refuses to run as root, and installing needs root.  So, whoever the caller is, builds and
# servers run as an unprivileged user, and only installations run as root.

is_root() { [ "$(id -u)" -eq 0 ]; }

run_user() {
  if ! is_root; then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

# as_user COMMAND...: runs an executable, not a shell function, in the scratch folder.
as_user() (
  cd "$SCRATCH"
  export HOME="$SCRATCH" TMPDIR="$SCRATCH/tmp"
  if is_root; then
    exec runuser -u "$RUN_USER" -- "$@"
  else
    exec "$@"
  fi
)

as_root() {
  if is_root; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    die "this needs root, and there is no sudo: $*"
  fi
}
