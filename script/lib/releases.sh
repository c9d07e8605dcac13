# shellcheck shell=bash
# Debian releases in folders, for servers and tools that this machine's own release does not have.  A
# release is made once by debootstrap, and reused, with this machine's mirrors and network settings of
# apt.  Programs there run in a layer on top of it: with their own namespaces, so that no process and no
# mount outlives the command, and with a folder for their files, which is removed with the scratch
# folder.  All of this needs root.

# The folder of the releases.  Remove a subfolder to have that release made again.
RELEASES=${DYNPGEXT_RELEASES:-/var/cache/dynpgext}

# No release of Debian has PostgreSQL 16.
VERSIONS=(15 17 18 19)

# release_of VERSION: the newest stable release that has it, otherwise the unstable one.
release_of() {
  case $1 in
    15) echo bookworm ;;
    17) echo trixie ;;
    18 | 19) echo sid ;;
    *) return 1 ;;
  esac
}

# versions_choose [VERSION]...: sets $versions to these, or to all.
versions_choose() {
  local version
  [ $# -gt 0 ] || set -- "${VERSIONS[@]}"
  for version in "$@"; do
    release_of "$version" >/dev/null || die "no PostgreSQL \"$version\" here, only: ${VERSIONS[*]}"
  done
  # shellcheck disable=SC2034 # for the caller
  mapfile -t versions < <(printf '%s\n' "$@" | sort -nu)
}

# releases_of VERSION...: the releases that have them, without duplicates.
releases_of() {
  local version
  for version in "$@"; do release_of "$version"; done | awk '!seen[$0]++'
}

# versions_in RELEASE VERSION...: those of the versions that the release has.
versions_in() {
  local version
  for version in "${@:2}"; do
    [ "$(release_of "$version")" != "$1" ] || echo "$version"
  done
}

# The definition of a release: apt sources and packages.  If it changes, the release is made again.
release_recipe() {
  release_sources "$1"
  release_packages "$1"
}

# The mirrors of apt on this machine.
release_sources() {
  local mirror security
  mirror=$(apt_sites | grep -v security | head -n 1)
  security=$(apt_sites | grep security | head -n 1)
  [ -n "$mirror" ] || die "apt has no source for Debian"
  echo "deb $mirror $1 main"
  case $1 in
    # unreleased versions are in experimental
    sid) echo "deb $mirror experimental main" ;;
    *)
      echo "deb $mirror $1-updates main"
      [ -z "$security" ] || echo "deb $security $1-security main"
      ;;
  esac
}

# Before the first "apt-get update" apt does not know the origin of a source.
# shellcheck disable=SC2016 # apt's own variable
apt_sites() {
  local format=(--format '$(SITE)' 'Created-By: Packages' 'Component: main')
  { apt-get indextargets "${format[@]}" 'Origin: Debian' | grep . || apt-get indextargets "${format[@]}"; } | sort -u
}

release_packages() {
  local version
  printf '%s\n' build-essential ca-certificates fakeroot libgtest-dev libipc-run-perl nlohmann-json3-dev \
    python3-jsonschema debhelper postgresql-server-dev-all
  for version in $(versions_in "$1" "${VERSIONS[@]}"); do
    printf '%s\n' "postgresql-$version" "postgresql-server-dev-$version"
    # there is none for 19 yet, see release_complete
    [ "$version" = 19 ] || echo "postgresql-$version-pgtap"
  done
}

# Settings for the network and for trust: proxies, certificates, clocks.
apt_ways() { apt-config dump | grep -E '^Acquire::(https?|ftp|Check-|Retries)' || true; }

# release_make RELEASE...: makes missing ones; two at once, because most of the time is waiting.
release_make() {
  is_root || die "this needs root"
  local release missing=() pids=() failed=
  mkdir -p "$RELEASES"
  for release in "$@"; do
    release_is_there "$release" || missing+=("$release")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  [ -e /usr/sbin/debootstrap ] || apt_install debootstrap
  say "making Debian ${missing[*]} in $RELEASES: some minutes, 2 GB each"
  for release in "${missing[@]}"; do
    release_make_one "$release" >"$SCRATCH/release.$release.log" 2>&1 </dev/null &
    pids+=($!)
    [ "${#pids[@]}" -lt 2 ] || { wait "${pids[0]}" || failed=1; pids=("${pids[@]:1}"); }
  done
  for release in "${pids[@]}"; do wait "$release" || failed=1; done
  for release in "${missing[@]}"; do
    release_is_there "$release" || { tail -n 40 "$SCRATCH/release.$release.log" >&2; failed=1; }
  done
  [ -z "$failed" ] || die "cannot make all of: ${missing[*]}"
}

release_is_there() { [ "$(cat "$RELEASES/$1/.made" 2>/dev/null)" = "$(release_recipe "$1")" ]; }

# A subshell.  Waits if another process makes the release meanwhile; an unfinished one is never used.
release_make_one() (
  set -e
  release=$1 new=$RELEASES/$1.new
  exec 9>"$RELEASES/$release.lock"
  flock 9
  ! release_is_there "$release" || exit 0
  rm -rf "$new" "${RELEASES:?}/$release"
  # in its own namespace: its mounts end with it in any case
  eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
  [ -z "${http_proxy:-}" ] || export http_proxy
  [ -z "${https_proxy:-}" ] || export https_proxy
  unshare --mount debootstrap --variant=minbase --include=ca-certificates "$release" "$new" \
    "$(release_sources "$release" | awk 'NR == 1 { print $2 }')"
  release_configure "$release" "$new"
  mapfile -t packages < <(release_packages "$release")
  in_root "$new" apt-get -q update
  in_root "$new" apt-get -q -y install "${packages[@]}"
  in_root "$new" apt-get clean
  release_complete "$release" "$new"
  release_recipe "$release" >"$new/.made"
  mv "$new" "$RELEASES/$release"
)

release_configure() {
  local release=$1 root=$2
  # no service starts by itself, and no cluster is created
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  mkdir -p "$root/etc/postgresql-common/createcluster.d"
  echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/dynpgext.conf"
  # without fsync, because after a power failure the folder is simply made again; and without manuals
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/dynpgext"
  {
    apt_ways
    echo 'Acquire::Languages "none";'
    echo 'APT::Install-Recommends "false";'
  } >"$root/etc/apt/apt.conf.d/90dynpgext"
  rm -f "$root"/etc/apt/sources.list.d/*
  release_sources "$release" >"$root/etc/apt/sources.list"
  [ "$release" = sid ] || return 0
  # no other packages are taken from experimental
  printf 'Package: src:postgresql-19\nPin: release a=experimental\nPin-Priority: 600\n' \
    >"$root/etc/apt/preferences.d/dynpgext"
}

# pgTAP is plain SQL: that of 18 also works with 19.
release_complete() {
  local extension=$2/usr/share/postgresql
  [ ! -d "$extension/19" ] || [ -e "$extension/19/extension/pgtap.control" ] ||
    cp "$extension"/18/extension/pgtap* "$extension/19/extension/"
}

# in_root FOLDER COMMAND...: runs it as root in that folder.
in_root() { in_namespaces root_run "$@"; }

# layer_make NAME RELEASE: a writable copy of the release.  In it, /src is this tree, read-only, and
# /share is $SCRATCH/layers/NAME/share.
layer_make() {
  local layer=$SCRATCH/layers/$1
  mkdir -p "$layer"/{upper,work,root,share}
  chmod 755 "$SCRATCH/layers" "$layer" "$layer"/{upper,root,share}
  echo "$RELEASES/$2" >"$layer/base"
}

# in_layer NAME COMMAND...: runs it as root in that layer; with NO_NETWORK=1 without a network.
in_layer() { in_namespaces layer_run "$SCRATCH/layers/$1" "$ROOT" "${@:2}"; }

# layer_install NAME PACKAGE...
layer_install() {
  quietly "$SCRATCH/install.log" in_layer "$1" bash -euc 'apt-get -q update && apt-get -q -y install "$@"' bash "${@:2}" ||
    die "cannot install ${*:2}"
}

# All processes and mounts of the command end with it.
in_namespaces() {
  unshare --mount --pid --ipc ${NO_NETWORK:+--net} --fork --kill-child --propagation private -- \
    bash -c "$(declare -f root_run layer_run layer_mount)"'; set -e; "$@"' bash "$@"
}

# The first process of the namespace: all others end with it.  It has signal handlers, because a first
# process without them ignores signals, and it waits, to handle them at once.
root_run() {
  local root=$1
  trap 'exit 143' TERM INT HUP
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
  mkdir -p "$root/dev/pts"
  mount -t devpts -o gid=5,mode=620,ptmxmode=666,newinstance devpts "$root/dev/pts"
  cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
  chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TERM=dumb \
    DEBIAN_FRONTEND=noninteractive "${@:2}" <&0 &
  wait $!
}

layer_run() {
  layer_mount "$1" "$2"
  root_run "$1/root" "${@:3}"
}

# If the file system cannot be the upper part of an overlay, the release is copied.
layer_mount() {
  local layer=$1 base
  base=$(cat "$layer/base")
  if [ ! -e "$layer/root/.made" ] && ! mount -t overlay overlay \
    -o "lowerdir=$base,upperdir=$layer/upper,workdir=$layer/work" "$layer/root" 2>/dev/null; then
    cp -a --reflink=auto "$base/." "$layer/root"
  fi
  mkdir -p "$layer/root/src" "$layer/root/share"
  mount --bind "$2" "$layer/root/src"
  mount -o remount,bind,ro "$layer/root/src"
  mount --bind "$layer/share" "$layer/root/share"
}
