# shellcheck shell=bash
# The stages of script/test.  A stage prints results for count_tests; it fails if it exits with an
# error, if one of its tests fails, or if it runs no test.  "skip - WHY" reports omitted tests.  Each
# stage runs in its own shell, alone if requested (--only).

STAGES=(layers docs lint tidy build header unit manifest regress pgtap tap updates hosting monitoring examples outside demo)

# These take minutes and rarely find more than the others: run with --all, or if named by --only.
STAGES_OF_ALL=(tidy updates hosting monitoring)

# These can test the installed dynpgext, see --installed; the demonstration and the others build their
# own.
# shellcheck disable=SC2034 # script/test has it
STAGES_OF_INSTALLED=(header regress pgtap tap examples outside)

# built NAME COMMAND...: once in a run; after a failure the next stage does not try again.  Callers join
# these with &&, where "set -e" has no effect.
built() {
  local mark=$SCRATCH/built.$1
  if [ -e "$mark.failed" ]; then
    echo "$1 could not be built, see above"
    return 1
  fi
  if [ -e "$mark" ]; then return; fi
  touch "$mark.failed"
  "${@:2}" || return
  mv "$mark.failed" "$mark"
}

need_core() {
  if [ -n "${INSTALLED:-}" ]; then
    built dynpgext core_is_installed
  else
    built dynpgext tree_install . DYNPGEXT_WERROR=1
  fi
}
need_consumers() { need_core && built consumers tree_install test/consumer ${INSTALLED:+"$(header_installed)"}; }
need_examples() {
  need_core || return
  local makefile folder
  for makefile in "$TREE"/examples/*/Makefile; do
    folder=examples/$(basename "${makefile%/Makefile}")
    built "${folder//\//-}" tree_install "$folder" ${INSTALLED:+"$(header_installed)"} || return
  done
}
need_everything() { need_core && need_consumers && need_examples; }

# Tests of another version would prove nothing about this one.
core_is_installed() {
  local line share
  share=$("$PG_CONFIG" --sharedir)
  [ -z "${DYNPGEXT_PREFIX:-}" ] || share=${DYNPGEXT_PREFIX%%:*}/share
  line=$(grep '^default_version' "$TREE/dynpgext.control")
  grep -qxF "$line" "$share/extension/dynpgext.control" && return
  echo "the server does not have the dynpgext of this tree ($line)"
  return 1
}

# An installed dynpgext includes its header; an image does not.
header_installed() {
  if [ -n "${DYNPGEXT_PREFIX:-}" ]; then
    echo "DYNPGEXT_INCLUDE=$TREE/include"
  else
    echo "DYNPGEXT_INCLUDE=$("$PG_CONFIG" --includedir-server)/extension/dynpgext"
  fi
}

stage_layers() {
  check "check-layers finds what it should" "$ROOT/script/check-layers" --self-test
  check "layers" "$ROOT/script/check-layers"
}

stage_docs() {
  check "check-links finds what it should" "$ROOT/script/check-links" --self-test
  check "links within the documentation" quietly "$SCRATCH/links.log" "$ROOT/script/check-links"
  check "check-messages finds what it should" "$ROOT/script/check-messages" --self-test
  check "docs/messages.md has the messages of the code" quietly "$SCRATCH/messages.log" "$ROOT/script/check-messages"
  check "pictures are up to date" quietly "$SCRATCH/picture.log" "$ROOT/script/picture" --check
  if ! debian_12_packages_install site_packages_wanted; then
    echo "skip - mkdocs and its theme of Debian 12 are not to be had"
    return
  fi
  check "the site" quietly "$SCRATCH/site.log" as_user "$ROOT/script/site" "$SCRATCH/tmp/site"
}

stage_lint() {
  local sources
  check "all places that have the version agree" quietly "$SCRATCH/release.log" "$ROOT/script/release" --check
  check "another version in one of them is found" quietly "$SCRATCH/release.log" "$ROOT/script/release" --self-test
  check "META.json is valid" quietly "$SCRATCH/meta.log" "$ROOT/script/dist" --check
  if ! debian_12_packages_install lint_packages_wanted; then
    echo "skip - shellcheck and clang-format-14 are not both to be had"
    return
  fi
  (cd "$ROOT" && check "shellcheck" shellcheck -x -a \
    script/{bench,check-layers,check_dynpgext,demo,dist,dynpgext_report,fuzz,hosting-table,image,package,release,rpm,site,soak,state-diagram,test,test-versions} \
    script/lib/package-upgrade debian/tests/installed .ci/run)
  mapfile -t sources < <(find "$TREE"/{src,include,examples,test,tools} -path '*/frozen' -prune -o \
    -name '*.[ch]' -print -o -name '*.cpp' -print)
  check "clang-format" clang-format-14 --dry-run --Werror "${sources[@]}"
}

stage_tidy() {
  if ! debian_12_packages_install tidy_packages_wanted; then
    echo "skip - clang-tidy-14 and clang-14 are not both to be had"
    return
  fi
  check "layout finds what it should" "$ROOT/script/layout" --self-test
  check "shared memory is laid out as in the releases" "$ROOT/script/layout" --check
  check "clang-tidy, and no warning of clang" quietly "$SCRATCH/tidy.log" as_user \
    make --no-print-directory -s -k -C "$TREE" -j "$JOBS" CXX=clang++-14 "PG_CONFIG=$PG_CONFIG" tidy
}

stage_build() {
  need_core
  echo "ok - dynpgext builds without warnings and installs"
  check "make uninstall removes all installed files" uninstall_is_complete
}

uninstall_is_complete() {
  local root=$SCRATCH/tmp/root
  local make=(as_user make --no-print-directory -s -C "$TREE" "PG_CONFIG=$PG_CONFIG" "DESTDIR=$root")
  "${make[@]}" install && [ -n "$(find "$root" -type f)" ] && "${make[@]}" uninstall && [ -z "$(find "$root" -type f)" ]
}

stage_header() {
  need_consumers
  echo "ok - test/consumer builds and installs"
  local standard
  for standard in c11 c17 c++17 c++20; do
    check "dynpgext.h, installed, in $standard" header_compiles "$standard"
  done
}

# header_compiles STANDARD: everything in the header, with nothing else on the path.
header_compiles() {
  local folder language=c
  folder=$("$PG_CONFIG" --includedir-server)
  case $1 in c++*) language=c++ ;; esac
  as_user g++ -x "$language" -std="$1" -Wall -Wextra -Werror -fsyntax-only -isystem "$folder" \
    -I "$folder/extension/dynpgext" - <<'EOF'
#include <dynpgext.h>
#ifdef __cplusplus
extern "C" {
#endif
PG_MODULE_MAGIC;
#ifdef __cplusplus
}
#endif
DYNPGEXT_MAGIC;

void _Dynpgext_init(const dynpgext_handle *handle) {
  BackgroundWorker bgw;

  memset(&bgw, 0, sizeof(bgw));
  strncpy(bgw.bgw_library_name, handle->library_name, BGW_MAXLEN);
  handle->allocate_shmem(handle, "a:value", 1024, NULL, NULL, DYNPGEXT_SCOPE_DATABASE_LOCAL);
  if (DYNPGEXT_HANDLE_HAS(handle, register_bgworker))
    handle->register_bgworker(handle, &bgw, NULL, NULL,
                              DYNPGEXT_REGISTER_BGWORKER_NOTIFY | DYNPGEXT_SCOPE_GLOBAL);
  if (DYNPGEXT_HANDLE_HAS(handle, register_bgworker_with)) {
    dynpgext_bgworker_options options;

    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.restart = DYNPGEXT_RESTART_ALWAYS;
    options.servers = DYNPGEXT_RUN_ON_BOTH;
    handle->register_bgworker_with(handle, &bgw, NULL, NULL, DYNPGEXT_SCOPE_GLOBAL, &options);
  }
}

void _Dynpgext_fini(const dynpgext_handle *handle) { (void)handle; }

bool _Dynpgext_eager_preload(void) {
  return dynpgext_loader_present() && dynpgext_lookup_shmem("a:value") != NULL &&
         dynpgext_release_shmem("a:value");
}

extern DYNPGEXT_EXPORT void a_worker(Datum argument);

void a_worker(Datum argument) {
  (void)argument;
  while (dynpgext_worker_wait(1000L))
    dynpgext_worker_heartbeat();
}
EOF
}

stage_unit() {
  check "docs/worker-states.md is up to date" "$ROOT/script/state-diagram" --check
  as_user make --no-print-directory -C "$TREE/test/unit" -j "$JOBS" check
}

# Compares the schema with the reader; and runs the fuzz targets once with their initial inputs.
stage_manifest() {
  local target=replay
  if libfuzzer_is_there; then target=run; fi
  as_user make --no-print-directory -C "$TREE/test/manifest" -j "$JOBS" check
  check "documents and libraries pass through the fuzz targets" \
    quietly "$SCRATCH/fuzz.log" as_user make --no-print-directory -C "$TREE/test/fuzz" -j "$JOBS" \
    "$target" DYNPGEXT_FUZZ_RUNS=0
}

# regress FOLDER: its make installcheck, on the server in use; TAP tests have their own stage.
regress() {
  local diffs
  as_user make --no-print-directory -C "$TREE/$1" "PG_CONFIG=$PG_CONFIG" TAP_TESTS= installcheck && return
  for diffs in "$TREE/$1"/{,output_iso/}regression.diffs; do
    [ ! -e "$diffs" ] || cat "$diffs"
  done
  server_log
  return 1
}

stage_regress() {
  need_everything
  server_start regress max_worker_processes=32
  regress .
}

stage_pgtap() {
  need_everything
  # events of a dropped database go first when there is no room, and one file looks for them
  server_start pgtap max_worker_processes=32 dynpgext.max_events=10000
  as_user psql -Xqc 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION dynpgext'
  as_user prove --exec 'psql -XAtq -v ON_ERROR_STOP=1 -f' "$TREE"/test/pgtap/*.sql && return
  server_log
  return 1
}

# test_build KIND FLAG...: another build of the library, for tests that wait for it
# (t/lib/DynpgextBuilds.pm).
test_build() {
  local folder=$TREE/tmp_$1
  as_user mkdir -p "$folder"
  as_user cp -r "$TREE"/{Makefile,dynpgext.control,include,schema,src} "$folder"
  as_user find "$folder" -name '*.[od]' -delete
  prepare_quick_build "$folder" "${@:2}"
  as_user make --no-print-directory -s -C "$folder" "${QUICK[@]}" -j "$JOBS" all
}

# prove_tree FILE...: like the server's own prove_installcheck.
prove_tree() {
  local pgxs log
  pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")
  as_user env -C "$TREE" "PATH=$(pg_bindir):$PATH" "TESTDIR=$TREE" "TESTDATADIR=$TREE/tmp_check" \
    "TESTLOGDIR=$TREE/tmp_check/log" PGPORT=65432 "PG_REGRESS=${pgxs%/*}/test/regress/pg_regress" \
    prove -j "$JOBS" --timer -I "${pgxs%/*}/test/perl" -I "$TREE" "$@" && return
  for log in "$TREE"/tmp_check/log/regress_log_*; do
    if grep -qE '(^|\) )not ok |Looks like your test' "$log"; then
      say "end of ${log##*/}"
      tail -n 60 "$log"
    fi
  done
  return 1
}

stage_tap() {
  need_everything
  as_user touch "$TREE/tmp_faults.building"
  {
    quietly "$SCRATCH/faults.log" test_build faults -DDYNPGEXT_FAULTS || true
    as_user rm "$TREE/tmp_faults.building"
  } &
  prove_tree "$TREE"/t/*.pl
}

# Updates dynpgext on a running server; this needs two more builds.
stage_updates() {
  need_everything
  quietly "$SCRATCH/growth.log" test_build growth -DDYNPGEXT_TEST_GROWTH -DDYNPGEXT_TEST_VERSION=99.0
  quietly "$SCRATCH/moved.log" test_build layout -DDYNPGEXT_TEST_LAYOUT=1000 -DDYNPGEXT_TEST_VERSION=99.0
  prove_tree "$TREE"/test/updates/*.pl
}

# docs/hosting.md with the extensions of Debian 12, which no other stage installs.
stage_hosting() {
  if [ "$("$PG_CONFIG" --pkglibdir)" != /usr/lib/postgresql/15/lib ] ||
    ! debian_12_packages_install hosting_packages_wanted; then
    echo "skip - the extensions of Debian 12 for PostgreSQL 15 are not to be had"
    return
  fi
  need_core
  prove_tree "$TREE"/test/hosting/*.pl
}

# docs/monitoring.md with the programs themselves.  Debian's packages would start them as daemons, so
# nothing is installed for this stage; the programs need their files in /usr/share.
stage_monitoring() {
  local program
  for program in prometheus prometheus-alertmanager prometheus-postgres-exporter; do
    command -v "$program" >/dev/null && continue
    echo "skip - $program is not installed"
    return
  done
  need_everything
  prove_tree "$TREE"/test/monitoring/*.pl
}

stage_examples() {
  need_examples
  server_start examples max_worker_processes=32
  local makefile folder failed=0
  for makefile in "$TREE"/examples/*/Makefile; do
    folder=examples/$(basename "${makefile%/Makefile}")
    if grep -qE '^(REGRESS|ISOLATION)\b' "$makefile"; then
      regress "$folder" || failed=1
    else
      echo "skip - $folder has no tests of its own"
    fi
  done
  return "$failed"
}

# dynpgext, and extensions that use it, each in its own folder outside of the server's.
stage_outside() {
  if [ "$(server_major)" -lt 18 ]; then
    echo "skip - extension_control_path is new in PostgreSQL 18"
    return
  fi
  need_examples
  local name folders=${DYNPGEXT_PREFIX:-}
  [ -n "$folders" ] || folders=$(outside_put .)
  for name in counter heartbeat; do
    folders+=:$(outside_put "examples/$name")
    outside_only "$name"
  done
  DYNPGEXT_PREFIX=$folders server_start outside
  outside_sql 'CREATE EXTENSION dynpgext' 'CREATE EXTENSION dynpgext_counter' 'CREATE EXTENSION dynpgext_heartbeat'
  check "the library is opened from there" test t = \
    "$(outside_sql 'SELECT FROM dynpgext.version()' "SELECT pg_read_file('/proc/self/maps') ~ ' ${folders%%:*}/lib/dynpgext.so'")"
  check "memory of an extension outside" \
    test "$(outside_sql 'SELECT counter_next()' 'SELECT counter_next()' | tail -n 1)" = 2
  check "a worker of an extension outside" outside_worker_runs
  outside_sql 'SELECT FROM dynpgext.preload()'
  server_ctl restart
  check "preloaded from there" test "$(outside_sql 'SELECT preloaded FROM dynpgext.status')" = t
  check "the worker is back" outside_worker_runs
}

outside_sql() { psql -XAtq -v ON_ERROR_STOP=1 "${@/#/-c}"; }

# The built library, without the installed one.
outside_put() {
  local folder
  folder=$SCRATCH/outside-$(basename "$(realpath "$TREE/$1")")
  as_user mkdir -p "$folder/lib" "$folder/share/extension"
  as_user cp "$TREE/$1"/*.so "$folder/lib"
  [ "$1" != . ] || as_user cp "$TREE"/src/pg/sessions/*.so "$folder/lib"
  as_user cp "$TREE/$1"/*.control "$TREE/$1"/*--*.sql "$folder/share/extension"
  echo "$folder"
}

# A library in the server's folder would be found before the one outside; stages that need it install it
# again.
outside_only() {
  tree_uninstall "examples/$1"
  rm -f "$SCRATCH/built.examples-$1"
}

outside_worker_runs() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    [ "$(outside_sql "SELECT state FROM dynpgext.workers WHERE extension = 'dynpgext_heartbeat'")" != running ] || return 0
    sleep 0.1
  done
  outside_sql 'TABLE dynpgext.workers' 'TABLE dynpgext.events'
  return 1
}

stage_demo() {
  check "script/demo" quietly "$SCRATCH/demo.log" \
    env DYNPGEXT_TREE="$TREE" "$ROOT/script/demo" --record "$SCRATCH/demo.svg"
  # other servers have other output
  [ "$(server_major)" != 15 ] || check "docs/images/demo.svg is up to date (script/demo --record)" \
    diff "$ROOT/docs/images/demo.svg" "$SCRATCH/demo.svg"
}
