# shellcheck shell=bash
# Installs missing programs with apt.  A program exists if its file does, wherever it came from; a
# server that is not Debian's (PG_CONFIG) must already exist.

# One line for each program: the file that proves it is installed, and its package.
packages_wanted() {
  cat <<'EOF'
/usr/bin/g++ g++
/usr/bin/make make
/usr/bin/prove perl
/usr/share/perl5/IPC/Run.pm libipc-run-perl
EOF
  # not needed without a build
  [ -n "${INSTALLED:-}" ] || cat <<'EOF'
/usr/include/nlohmann/json.hpp nlohmann-json3-dev
/usr/include/gtest/gtest.h libgtest-dev
/usr/lib/python3/dist-packages/jsonschema/__init__.py python3-jsonschema
EOF
  if [[ $PG_CONFIG =~ ^/usr/lib/postgresql/([0-9]+)/bin/pg_config$ ]]; then
    local major=${BASH_REMATCH[1]}
    cat <<EOF
/usr/lib/postgresql/$major/bin/postgres postgresql-$major
/usr/include/postgresql/$major/server/postgres.h postgresql-server-dev-$major
/usr/share/postgresql/$major/extension/pgtap.control postgresql-$major-pgtap
EOF
  fi
}

# Further needs of the stages lint and tidy: the versions of Debian 12, because others format and warn
# differently.
lint_packages_wanted() {
  cat <<'EOF'
/usr/bin/shellcheck shellcheck
/usr/bin/clang-format-14 clang-format-14
EOF
}
tidy_packages_wanted() {
  cat <<'EOF'
/usr/bin/clang-tidy-14 clang-tidy-14
/usr/bin/clang++-14 clang-14
EOF
}

# For the site of the documentation.
site_packages_wanted() {
  cat <<'EOF'
/usr/bin/mkdocs mkdocs
/usr/share/mkdocs/themes/material/base.html mkdocs-material
/usr/lib/python3/dist-packages/pymdownx/superfences.py python3-pymdownx
EOF
}

# The library that script/demo hosts.
demo_packages_wanted() { echo /usr/lib/postgresql/15/lib/pg_cron.so postgresql-15-cron; }

# The libraries that test/hosting hosts.
hosting_packages_wanted() {
  cat <<'EOF' | sed 's|^|/usr/lib/postgresql/15/lib/|; s| | postgresql-15-|'
bgw_replstatus.so bgw-replstatus
pg_cron.so cron
pg_partman_bgw.so partman
pg_qualstats.so pg-qualstats
pg_stat_kcache.so pg-stat-kcache
pg_wait_sampling.so pg-wait-sampling
pgaudit.so pgaudit
pgauditlogtofile.so pgauditlogtofile
pgautofailover.so auto-failover
pglogical.so pglogical
plpgsql_check.so plpgsql-check
plprofiler.so plprofiler
powa.so powa
set_user.so set-user
EOF
}

# packages_missing FUNCTION: the packages of its list whose file is missing.
packages_missing() {
  local file package
  while read -r file package; do
    [ -e "$file" ] || printf '%s\n' "$package"
  done < <("$1")
}

packages_install() {
  local missing
  mapfile -t missing < <(packages_missing packages_wanted)
  if [ "${#missing[@]}" -gt 0 ]; then
    command -v apt-get >/dev/null || die "please install what these Debian packages have: ${missing[*]}"
    say "installing ${missing[*]}"
    apt_install "${missing[@]}"
  fi
  # PGXS is no proof: Debian's client package also has it
  local needed
  for needed in "$("$PG_CONFIG" --pgxs)" "$("$PG_CONFIG" --includedir-server)/postgres.h"; do
    [ -f "$needed" ] || die "there is no $needed: install the development files of PG_CONFIG's server"
  done
}

# debian_12_packages_install FUNCTION: installs those of its list.  False if some are missing and this
# release does not have them.
debian_12_packages_install() {
  local missing
  mapfile -t missing < <(packages_missing "$1")
  [ "${#missing[@]}" -gt 0 ] || return 0
  grep -qs '^VERSION_ID="12"' /etc/os-release || return 1
  say "installing ${missing[*]}"
  apt_install "${missing[@]}" || die "cannot install ${missing[*]}"
}

# Debian creates and starts a cluster with a new server; this disables it, because ours is private.
apt_install() (
  dropin=/etc/postgresql-common/createcluster.d/dynpgext.conf
  trap 'as_root rm -f "$dropin"' EXIT
  as_root mkdir -p "${dropin%/*}"
  echo 'create_main_cluster = false' | as_root tee "$dropin" >/dev/null
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
    -o Dpkg::Use-Pty=0 install "$@" </dev/null >/dev/null
)
