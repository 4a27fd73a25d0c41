# shellcheck shell=bash
# The test suite, first without PyTorch, then the tests that compare with it or with JAX.

tests() {
  echo "Tests, as in README.md: $install_test && $run_tests"
  stage "  environment" environment test 3.11
  stage "  $install_test" in_env test "$install_test"
  stage "  linters, clang-format" install_extra test dev
  stage "  $run_tests, without PyTorch" in_env test \
    "$run_tests -p no:cacheprovider 2>&1 | tee tests.log"
  in_env test "python - <<'END'
import importlib.util
assert importlib.util.find_spec('torch') is None, 'PyTorch was installed already'
END"
  grep -E '^SKIPPED.*torch' "$work/test/tests.log" | indented ||
    fail "the tests that need PyTorch were not skipped"
  # the stages that follow install Z3, and run those tests too; the full run has Pyodide
  local later=(-e torch -e jax -e z3)
  [ "$full" ] || later+=(-e Pyodide)
  if grep -E '^SKIPPED' "$work/test/tests.log" | grep -v "${later[@]}"; then
    fail "a test was skipped that no stage runs later"
  fi
  last_line test/tests.log
}

oracle() {
  echo "PyTorch as an oracle"
  stage "  pip install torch==2.13.0" in_env test "pip install torch==2.13.0"
  stage "  tests that compare with PyTorch" in_env test \
    "pytest \$(grep -l 'importorskip(\"torch\")' -r tests --include='test_*.py') -p no:cacheprovider 2>&1 | tee oracle.log"
  if grep -qE '^SKIPPED|[0-9]+ skipped' "$work/test/oracle.log"; then
    fail "a test that compares with PyTorch was skipped"
  fi
  last_line test/oracle.log
  stage "  pip install jax==0.10.2" in_env test "pip install jax==0.10.2"
  stage "  tests that compare with JAX" in_env test \
    "pytest \$(grep -l 'importorskip(\"jax\")' -r tests --include='test_*.py') -p no:cacheprovider 2>&1 | tee jax.log"
  if grep -qE '^SKIPPED|[0-9]+ skipped' "$work/test/jax.log"; then
    fail "a test that compares with JAX was skipped"
  fi
  last_line test/jax.log
}
