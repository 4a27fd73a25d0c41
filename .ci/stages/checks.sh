# shellcheck shell=bash
# Linters, the verifiers of proofs, and the generated files, in the environment of the tests; and
# what runs beside them.

checks() {
  echo "Checks"
  stage "  ruff" in_env test "ruff check ."
  stage "  mypy" in_env test mypy
  stage "  shellcheck" in_env test "shellcheck --check-sourced --external-sources .ci/run"
  stage "  pip install z3-solver" in_env test "pip install z3-solver"
  stage "  tests that need Z3" in_env test \
    "pytest \$(grep -l 'importorskip(\"z3\")' -r tests --include='test_*.py') -k z3 -p no:cacheprovider 2>&1 | tee z3.log"
  if grep -qE '^SKIPPED|[0-9]+ skipped' "$work/test/z3.log"; then
    fail "a test that needs Z3 was skipped"
  fi
  last_line test/z3.log
  stage "  rot180 verify: replay, models, SMT" in_env test "rot180 verify --require smt > verify.log"
  last_line test/verify.log
  stage "  the checker alone" in_env test \
    "python -I -S derive/checker.py generated/certificates/*.json > checker.log"
  last_line test/checker.log
  stage "  rot180 verify: Rocq, some of each kind" in_env test \
    "rot180 verify --rocq generated/certificates/{rot180,weight,delta}_*_general_1d.json \
      generated/certificates/{dense_input,bias_1d,perceptron_delta,input_remainder}.json \
      generated/certificates/{toom_cook_2_3,softmax_cross_entropy}.json > rocq.log"
  last_line test/rocq.log
  stage "  rot180 generate --check, Python 3.11, newest SymPy" in_env test "rot180 generate --check"
}

other_checks() { # what needs no more than the environment of the first steps
  stage "  instructions of small calls" in_env first "python -m benchmarks.instructions"
  [ "$full" ] || fuzzing # the full run has five minutes of it
}

fuzzing() {
  stage "  the fuzzer" install_extra first fuzz
  stage "  twenty seconds of fuzzing" in_env first "python -m tests.fuzz --seconds 20 | tee fuzz.log"
  indented <"$work/first/fuzz.log"
}
