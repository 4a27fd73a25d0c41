# shellcheck shell=bash
# The two set-up commands of README.md, as they are there: INSTALL && COMMAND.

read_set_up_commands() {
  local commands
  mapfile -t commands < <(grep '^pip install .* && ' "$root/README.md")
  [ "${#commands[@]}" -eq 2 ] ||
    fail "README.md: found ${#commands[@]} lines 'pip install ... && ...', expected two"
  install=${commands[0]%% && *}
  first_command=${commands[0]#* && }
  install_test=${commands[1]%% && *}
  run_tests=${commands[1]#* && }
}

first_steps() {
  echo "First steps, as in README.md: $install && $first_command"
  stage "  environment" environment first 3.11
  stage "  $install" in_env first "$install"
  local begin=$SECONDS
  stage "  $first_command" in_env first "$first_command"
  [ $((SECONDS - begin)) -lt 60 ] || fail "that took more than a minute"
  stage "  its files" in_env first \
    "for f in proof.tex certificate.json numpy_kernels.py cython_kernels.pyx contraction.h; do test -s out/\$f; done"
  stage "  compiled kernels are in use" in_env first \
    "cd / && python -c 'from rot180.generated import backend; assert backend() == \"cython\"'"
}
