# shellcheck shell=bash
# Without a C compiler, under other Pythons, and with other versions of SymPy.

other_pythons() {
  echo "No C compiler, other Pythons, other versions of SymPy"
  stage "  environment, Python 3.12" environment py312 3.12
  stage "  pip install . without a C compiler" in_env py312 "CC=/bin/false pip install ."
  stage "  NumPy kernels are in use" in_env py312 \
    "cd / && python -W ignore -c 'from rot180.generated import backend; assert backend() == \"numpy\"'"
  stage "  as a wheel that would be a fault" in_env py312 \
    "! python tests/support/wheel_check.py > check.log && grep 'no compiled kernels' check.log"
  stage "  rot180 generate --check, Python 3.12, newest SymPy" in_env py312 "rot180 generate --check"
  stage "  pip install sympy==1.13.*" in_env py312 "pip install 'sympy==1.13.*'"
  stage "  rot180 generate --check, Python 3.12, oldest SymPy" in_env py312 "rot180 generate --check"
  stage "  environment, Python 3.13" environment py313 3.13
  stage "  pip install . without a C compiler" in_env py313 "CC=/bin/false pip install ."
  stage "  rot180 generate --check, Python 3.13, newest SymPy" in_env py313 "rot180 generate --check"
}
