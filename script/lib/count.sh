# shellcheck shell=bash
# count_tests LOG: "passed failed", the sum of the results that GoogleTest, pg_regress (in its two
# formats), prove and our own check() have printed into it.
count_tests() {
  awk '
    /^ok( [0-9]+)? +[-+] / { passed++ }
    /^not ok( [0-9]+)? +[-+] / { failed++ }

    /^(test|    ) .* \.\.\. ok( |$)/ { passed++ }
    /^(test|    ) .* \.\.\. FAILED/ { failed++ }

    /^\[       OK \] / { passed++ }
    /^\[  FAILED  \] .* \([0-9]+ ms\)$/ { failed++ }

    # prove: its report lists the failed files, including those that died between two tests
    / \(Wstat: .* Tests: [0-9]+ Failed: [0-9]+\)$/ {
      lost = $NF + 0
      bad += lost
      died += lost == 0
    }
    /^Files=[0-9]+, Tests=[0-9]+,/ { split($2, part, /[=,]/); ran = part[2] }
    /^Result: / {
      if ($2 == "PASS") bad = died = 0
      else if (bad + died == 0) died = 1
      passed += ran - bad
      failed += bad + died
      ran = bad = died = 0
    }

    END { print passed + 0, failed + 0 }
  ' "$1"
}
