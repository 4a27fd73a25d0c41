# shellcheck shell=bash
# What takes long: sanitizers; the sdist, installed and tested under other Pythons; the examples.

full_stages() {
  echo "Full: sanitizers, the sdist under other Pythons, the examples"
  packages
  # side by side, because some of the searches take one core
  searches >"$work/searches.log" 2>&1 &
  local searching=$!
  newest_python
  broken_off
  wait "$searching" || {
    cat "$work/searches.log"
    fail "the searches failed"
  }
  cat "$work/searches.log"
}

packages() {
  stage "  environment" environment full 3.11
  stage "  build" in_env full "pip install --require-hashes -r .github/requirements/build.txt && python -m build"
  stage "  environment" environment wheel 3.11
  stage "  the wheel, installed alone" in_env wheel \
    "pip install ../full/dist/*.whl && python tests/support/wheel_check.py > check.log"
  last_line wheel/check.log
  stage "  the wheel, with the oldest NumPy and SymPy" in_env wheel \
    "pip install -r .github/requirements/oldest.txt && python tests/support/wheel_check.py"
  stage "  the C contraction under sanitizers" in_env full \
    "pip install numpy && python tests/support/sanitize.py"
  local version
  for version in 3.12 3.13; do
    stage "  environment, Python $version" environment "sdist$version" "$version"
    stage "  install the sdist, Python $version" in_env "sdist$version" \
      "pip install \"\$(ls ../full/dist/*.tar.gz)[test,dev]\""
  done
}

newest_python() { # what has a stage of its own is not tested here again
  stage "  pytest: language, kernels, commands, Python 3.13" in_env sdist3.13 \
    "pytest -n 2 -p no:cacheprovider tests/derive/language tests/codegen/kernels tests/codegen/cli \
      tests/test_*.py --ignore tests/codegen/kernels/test_contract.py \
      --ignore tests/codegen/kernels/test_reserved_names.py \
      --ignore tests/codegen/cli/test_interrupts.py --ignore tests/test_layers_zoo.py"
  stage "  photograph" in_env sdist3.13 "python examples/photograph.py photograph.png"
  stage "  digits" in_env sdist3.13 "python examples/digits.py digits.svg"
  stage "  rot180 verify: all of Rocq" in_env sdist3.13 \
    "pip install z3-solver && rot180 verify --require smt --require rocq > verify.log"
  last_line sdist3.13/verify.log
  stage "  SMT and Rocq for each construct of programs" in_env sdist3.13 \
    "python -m tests.support.constructs > constructs.log"
  last_line sdist3.13/constructs.log
  stage "  the whole book" in_env sdist3.13 "python -m tests.support.whole_book"
  stage "  the whole site" in_env sdist3.13 "python -m tests.support.site_check > site.log"
  indented <"$work/sdist3.13/site.log"
}

broken_off() { # the searches end before these do
  stage "  generate, killed at every fourth point" in_env sdist3.13 \
    "python tests/support/kill_points.py --every 4 generate > killed.log"
  last_line sdist3.13/killed.log
  stage "  Ctrl-C at 20 moments of each command" in_env sdist3.13 \
    "ROT180_INTERRUPTS=20 pytest -n 2 tests/codegen/cli/test_interrupts.py -p no:cacheprovider > interrupts.log"
  grep "Ctrl-C (seed" "$work/sdist3.13/interrupts.log" | indented
}

searches() { # under Python 3.12; the fuzzer first, which takes five minutes beside any other work
  stage "  the fuzzer" install_extra sdist3.12 fuzz
  stage "  five minutes of fuzzing" in_env sdist3.12 "python -m tests.fuzz --seconds 300 | tee fuzz.log"
  indented <"$work/sdist3.12/fuzz.log"
  stage "  doctests, examples, generated files, Python 3.12" in_env sdist3.12 \
    "pytest -n 2 tests/test_doctests.py tests/test_examples.py tests/codegen/kernels/test_drift.py \
      -p no:cacheprovider"
  stage "  50,000 forged certificates" in_env sdist3.12 \
    "ROT180_FORGERIES=50000 pytest -n 2 tests/derive/kernel/test_forger.py -p no:cacheprovider > forged.log"
  grep forgeries "$work/sdist3.12/forged.log" | indented
  stage "  each entry of the museum, judged" in_env sdist3.12 \
    "python -m tests.support.museum_audits > museum.log"
  last_line sdist3.12/museum.log
  stage "  the contraction's contract, by every algorithm" in_env sdist3.12 \
    "ROT180_CONTRACT=all pytest -n 2 tests/codegen/kernels/test_contract.py -p no:cacheprovider > contract.log"
  grep "contract:" "$work/sdist3.12/contract.log" | indented
  stage "  500 random layers" in_env sdist3.12 \
    "ROT180_LAYERS=500 pytest -n 2 tests/fuzz -p no:cacheprovider > layers.log"
  grep "random layers" "$work/sdist3.12/layers.log" | indented
  stage "  every layer of the zoo, compiled" in_env sdist3.12 \
    "ROT180_ZOO=1 CFLAGS=-O0 pytest -n 2 tests/test_layers_zoo.py tests/test_layers_zoo_double.py -p no:cacheprovider > zoo.log"
  stage "  Dask on several processes" in_env sdist3.12 "pip install distributed"
  stage "  a worker killed in the middle" in_env sdist3.12 \
    "python -m tests.support.cluster_check 2> cluster.err | tee cluster.log"
  indented <"$work/sdist3.12/cluster.log"
  stage "  200 random programs" in_env sdist3.12 \
    "python -m tests.support.random_programs --count 200 --jobs 2 > programs.log"
  last_line sdist3.12/programs.log
  stage "  reserved names in roles, a sixth of them" in_env sdist3.12 \
    "ROT180_NAMES=6 pytest -n 2 tests/codegen/kernels/test_reserved_names.py -p no:cacheprovider > names.log"
  grep "reserved names" "$work/sdist3.12/names.log" | indented
  stage "  the compiled module under sanitizers" in_env sdist3.12 \
    "python tests/support/sanitize_module.py > sanitized.log"
  last_line sdist3.12/sanitized.log
}
