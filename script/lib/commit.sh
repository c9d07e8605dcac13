# shellcheck shell=bash
# Everything that is released is made from HEAD, and from nothing else, so that the same commit gives
# the same bytes.

# The version in the committed control file.
commit_version() { git_here show HEAD:dynpgext.control | sed -n "s/^default_version = '\(.*\)'/\1/p"; }

commit_name() { git_here rev-parse --short=12 HEAD; }

# All files made from the commit get its time.
commit_time() { git_here log -1 --format=%ct; }

# The checkout may belong to another user.
git_here() { git -c "safe.directory=$ROOT" -C "$ROOT" "$@"; }

commit_check() {
  [ -e /usr/bin/git ] || apt_install git
  git_here rev-parse --verify --quiet HEAD >/dev/null || die "this needs a clone of the repository, with its commits"
  if ! git_here diff --quiet HEAD --; then
    say "what is not committed is left out"
  fi
  SOURCE_DATE_EPOCH=$(commit_time)
  export SOURCE_DATE_EPOCH
}

# output_folder FOLDER: makes it, and prints its absolute path.
output_folder() {
  mkdir -p "$1"
  (cd "$1" && pwd)
}
