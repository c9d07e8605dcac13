# shellcheck shell=bash
# Builds in a copy that belongs to the unprivileged user, so that root's checkout can be used, too, and
# stays unchanged.

JOBS=${DYNPGEXT_JOBS:-2}

# DYNPGEXT_TREE is a copy made by another of our scripts.
tree_make() {
  TREE=${DYNPGEXT_TREE:-$SCRATCH/tree}
  [ -z "${DYNPGEXT_TREE:-}" ] || return 0
  as_user mkdir "$TREE"
  tar -C "$ROOT" -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
    --exclude='*.d' --exclude='./dynpgext--*.sql' \
    --exclude=./dist . |
    as_user tar -C "$TREE" -xf -
}

# tree_install FOLDER [VARIABLE=VALUE]...: builds it, and installs it into the server.
tree_install() {
  local make=(make --no-print-directory -C "$TREE/$1" "PG_CONFIG=$PG_CONFIG" "${@:2}")
  as_user "${make[@]}" -j "$JOBS" all || return
  if [ -w "$("$PG_CONFIG" --pkglibdir)" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ]; then
    "${make[@]}" install
  else
    as_root "${make[@]}" install
  fi
}

# prepare_quick_build FOLDER [FLAG...]: QUICK is then what make in FOLDER needs to build the library without
# optimization in a quarter of the time.  Each folder of src/ is compiled as one file, so that our
# headers are read once, except pg/, whose files use the same short names.  The headers of the server and
# of the standard library are precompiled for all files except the model, which must not get the
# server's macros.
prepare_quick_build() {
  local units=$1/tmp_units headers=tmp_units/all.h flags='-O0 -g0 -w' folder sources=
  as_user mkdir -p "$units"
  for folder in "$1"/src/*/; do
    folder=$(basename "$folder")
    [ "$folder" != pg ] || continue
    (cd "$1/src" && printf '#include "%s"\n' "$folder"/*.cpp) | as_user tee "$units/$folder.cpp" >/dev/null
    sources+="tmp_units/$folder.cpp "
  done
  sources+=$(cd "$1" && echo src/*.cpp src/pg/*.cpp)
  printf '#include %s\n' '"pg/server.h"' '<functional>' '<map>' '<set>' '<variant>' |
    as_user tee "$1/$headers" >/dev/null
  QUICK=("PG_CONFIG=$PG_CONFIG" "DYNPGEXT_CPPFLAGS=${*:2}" "DYNPGEXT_SOURCES=$sources"
    "DYNPGEXT_CXXFLAGS=$flags -include $1/$headers")
  # shellcheck disable=SC2016 # make expands it
  as_user make --no-print-directory -C "$1" "${QUICK[@]}" "DYNPGEXT_CXXFLAGS=$flags" -j "$JOBS" \
    --eval "$headers.gch: ; "'$(CXX) $(CXXFLAGS) $(CPPFLAGS) -x c++-header -o $@ $(@:.gch=)' \
    "$headers.gch" tmp_units/model.o
}

# tree_install_quickly: the library for a demonstration, without optimization.
tree_install_quickly() { prepare_quick_build "$TREE" && tree_install . "${QUICK[@]}"; }

# tree_uninstall FOLDER: uninstalls it.
tree_uninstall() {
  local make=(make --no-print-directory -s -C "$TREE/$1" "PG_CONFIG=$PG_CONFIG" uninstall)
  if [ -w "$("$PG_CONFIG" --pkglibdir)" ]; then "${make[@]}"; else as_root "${make[@]}"; fi
}

# Is there a clang++ that can link with libFuzzer?
libfuzzer_is_there() {
  command -v clang++ >/dev/null &&
    clang++ -x c++ -fsanitize=fuzzer,address,undefined -o /dev/null - 2>/dev/null <<'EOF'
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *, unsigned long) { return 0; }
EOF
}
