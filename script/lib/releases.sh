# shellcheck shell=bash
# Debian releases in folders, for the servers and tools that this machine's own release does not
# have.  A release is made once by debootstrap, and reused; the mirror and the ways to it are those
# of this machine's apt.  What runs there runs in a layer on top of it: namespaces of its own, so
# that no process and no mount outlives the command, and a folder for what it writes, which goes with
# the scratch folder.  All of it needs root.

# Where the releases are kept.  Remove a folder there to have it made anew.
RELEASES=${DYNPGEXT_RELEASES:-/var/cache/dynpgext}

# PostgreSQL 16 is in no release of Debian.
VERSIONS=(15 17 18 19)

# release_of VERSION: the newest stable release that has it, or else the unstable one.
release_of() {
  case $1 in
    15) echo bookworm ;;
    17) echo trixie ;;
    18 | 19) echo sid ;;
    *) return 1 ;;
  esac
}

# versions_choose [VERSION]...: those, or all, into $versions.
versions_choose() {
  local version
  [ $# -gt 0 ] || set -- "${VERSIONS[@]}"
  for version in "$@"; do
    release_of "$version" >/dev/null || die "no PostgreSQL \"$version\" here, only: ${VERSIONS[*]}"
  done
  # shellcheck disable=SC2034 # for the caller
  mapfile -t versions < <(printf '%s\n' "$@" | sort -nu)
}

# releases_of VERSION...: the releases that have them, each once.
releases_of() {
  local version
  for version in "$@"; do release_of "$version"; done | awk '!seen[$0]++'
}

# versions_in RELEASE VERSION...: those of the versions that it has.
versions_in() {
  local version
  for version in "${@:2}"; do
    [ "$(release_of "$version")" != "$1" ] || echo "$version"
  done
}

# What a release is made of: sources for apt, and packages.  With other contents it is made anew.
release_recipe() {
  release_sources "$1"
  release_packages "$1"
}

# The mirrors are those that apt uses here.
release_sources() {
  local mirror security
  mirror=$(apt_sites | grep -v security | head -n 1)
  security=$(apt_sites | grep security | head -n 1)
  [ -n "$mirror" ] || die "apt has no source for Debian"
  echo "deb $mirror $1 main"
  case $1 in
    # what is no release yet is in experimental
    sid) echo "deb $mirror experimental main" ;;
    *)
      echo "deb $mirror $1-updates main"
      [ -z "$security" ] || echo "deb $security $1-security main"
      ;;
  esac
}

# Before the first "apt-get update" apt does not know yet whose a source is.
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

# The ways to it, and what apt is to believe: proxies, certificates, clocks.
apt_ways() { apt-config dump | grep -E '^Acquire::(https?|ftp|Check-|Retries)' || true; }

# release_make RELEASE...: those that are missing; two at once, for most of it is waiting.
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

# A subshell: whoever else makes it meanwhile is waited for, and a half of one is never used.
release_make_one() (
  set -e
  release=$1 new=$RELEASES/$1.new
  exec 9>"$RELEASES/$release.lock"
  flock 9
  ! release_is_there "$release" || exit 0
  rm -rf "$new" "${RELEASES:?}/$release"
  # in a namespace of its own: what it mounts goes with it, whatever happens
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
  # nothing starts by itself, and no cluster is made
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  mkdir -p "$root/etc/postgresql-common/createcluster.d"
  echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/dynpgext.conf"
  # a power failure costs a folder that is made anew; nobody reads manuals there
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/dynpgext"
  {
    apt_ways
    echo 'Acquire::Languages "none";'
    echo 'APT::Install-Recommends "false";'
  } >"$root/etc/apt/apt.conf.d/90dynpgext"
  rm -f "$root"/etc/apt/sources.list.d/*
  release_sources "$release" >"$root/etc/apt/sources.list"
  [ "$release" = sid ] || return 0
  # nothing else is taken from experimental
  printf 'Package: src:postgresql-19\nPin: release a=experimental\nPin-Priority: 600\n' \
    >"$root/etc/apt/preferences.d/dynpgext"
}

# pgTAP is plain SQL: that of 18 serves 19.
release_complete() {
  local extension=$2/usr/share/postgresql
  [ ! -d "$extension/19" ] || [ -e "$extension/19/extension/pgtap.control" ] ||
    cp "$extension"/18/extension/pgtap* "$extension/19/extension/"
}

# in_root FOLDER COMMAND...: as root in that folder.
in_root() { in_namespaces root_run "$@"; }

# layer_make NAME RELEASE: a copy of the release to write to.  There, /src is this tree, to read, and
# /share is $SCRATCH/layers/NAME/share.
layer_make() {
  local layer=$SCRATCH/layers/$1
  mkdir -p "$layer"/{upper,work,root,share}
  chmod 755 "$SCRATCH/layers" "$layer" "$layer"/{upper,root,share}
  echo "$RELEASES/$2" >"$layer/base"
}

# in_layer NAME COMMAND...: as root in that layer; with NO_NETWORK=1 it reaches nothing.
in_layer() { in_namespaces layer_run "$SCRATCH/layers/$1" "$ROOT" "${@:2}"; }

# layer_install NAME PACKAGE...
layer_install() {
  quietly "$SCRATCH/install.log" in_layer "$1" bash -euc 'apt-get -q update && apt-get -q -y install "$@"' bash "${@:2}" ||
    die "cannot install ${*:2}"
}

# Whatever the command starts or mounts ends with it.
in_namespaces() {
  unshare --mount --pid --ipc ${NO_NETWORK:+--net} --fork --kill-child --propagation private -- \
    bash -c "$(declare -f root_run layer_run layer_mount)"'; set -e; "$@"' bash "$@"
}

# The first process of the namespace: when it ends, all others there do.  It has handlers, for a first
# process without one is deaf to signals, and it waits, to hear them at once.
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

# Where the file system cannot be the upper part of an overlay, the release is copied.
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
