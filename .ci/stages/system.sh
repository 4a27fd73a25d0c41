# shellcheck shell=bash
# The proof assistant, a TeX engine, a browser, C compilers and valgrind.

system_packages() {
  echo "System packages"
  stage "  coqc, latexmk, a browser, gcc, clang, valgrind" install_packages
}

pyodide() { # Python for the browser, by version and by hash; npm comes with Node.js
  stage "  npm pack pyodide" fetch_pyodide
  export ROT180_PYODIDE=$work/pyodide/package
}

fetch_pyodide() (
  mkdir "$work/pyodide" && cd "$work/pyodide" && npm pack pyodide@314.0.7 &&
    sha256sum --check <<<"66b7949e5a0cba2250b586d7e368bf12fb482800748d182c4618254b685ffaa0  pyodide-314.0.7.tgz" &&
    tar -xzf pyodide-314.0.7.tgz
)

install_packages() {
  if ! have_packages; then
    local as_root
    as_root=$(command -v sudo || true)
    $as_root apt-get update
    # shellcheck disable=SC2046 # several words
    $as_root apt-get install -y --no-install-recommends \
      coq texlive-latex-recommended texlive-latex-extra texlive-pictures latexmk \
      poppler-utils $(missing_browser) gcc clang valgrind
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
  for tool in coqc pdflatex latexmk pdftotext gcc clang valgrind; do
    command -v "$tool" || return 1
  done
  have_browser && kpsewhich tikz.sty
}
