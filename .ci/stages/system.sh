# shellcheck shell=bash
# The proof assistant, a TeX engine, a browser, C compilers and valgrind.

system_packages() {
  echo "System packages"
  stage "  coqc, latexmk, chromium, gcc, clang, valgrind" install_packages
}

install_packages() {
  if ! have_packages; then
    local as_root
    as_root=$(command -v sudo || true)
    $as_root apt-get update
    $as_root apt-get install -y --no-install-recommends \
      coq texlive-latex-recommended texlive-latex-extra texlive-pictures latexmk \
      chromium chromium-driver gcc clang valgrind
  fi
  have_packages
}

have_packages() {
  local tool
  for tool in coqc pdflatex latexmk chromium chromedriver gcc clang valgrind; do
    command -v "$tool" || return 1
  done
  kpsewhich tikz.sty
}
