# shellcheck shell=bash
# The proof assistant, a TeX engine, a browser, C compilers, valgrind, and QEMU for Arm.

system_packages() {
  echo "System packages"
  stage "  coqc, latexmk, a browser, gcc, clang, valgrind, QEMU" install_packages
}

pyodide() { # for the tests of the playground
  mkdir "$work/pyodide"
  stage "  Pyodide, from npm" bash "$root/.ci/pyodide" "$work/pyodide"
  export ROT180_PYODIDE=$work/pyodide/package
}

install_packages() {
  if ! have_packages; then
    local as_root
    as_root=$(command -v sudo || true)
    $as_root apt-get update
    # shellcheck disable=SC2046 # several words
    $as_root apt-get install -y --no-install-recommends \
      coq texlive-latex-recommended texlive-latex-extra texlive-pictures latexmk \
      poppler-utils $(missing_browser) gcc clang valgrind \
      gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
  fi
  have_packages
}

missing_browser() { # the packages of Debian; Ubuntu has none, but GitHub's runners have a browser
  have_browser >&2 || echo chromium chromium-driver
}

have_browser() {
  command -v chromedriver && { command -v google-chrome || command -v chromium; }
}

have_packages() {
  local tool
  for tool in coqc pdflatex latexmk pdftotext gcc clang valgrind \
    aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v "$tool" || return 1
  done
  have_browser && kpsewhich tikz.sty
}
