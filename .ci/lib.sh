# shellcheck shell=bash
# What stages are made of. `root` is the repository, `work` a temporary folder.

stage() { # stage NAME COMMAND...: run a command, print its time, and its output if it fails
  local name=$1 begin=$SECONDS log
  log=$(mktemp "$work/log.XXXX")
  shift
  printf '%-58s' "$name"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    printf 'FAILED after %d s\n' $((SECONDS - begin))
    tail -n 150 "$log"
    exit 1
  fi
  printf '%4d s\n' $((SECONDS - begin))
}

fail() { # fail MESSAGE: end the run
  echo "$1"
  exit 1
}

indented() { # indent what a stage shows
  sed 's/^/    /'
}

last_line() { # last_line FILE: show how a command ended
  tail -n 1 "$work/$1" | indented
}

copy_tree() { # copy_tree FOLDER: copy the files that git tracks or would track
  local file
  mkdir -p "$1" && (
    cd "$root" && git ls-files -z --cached --others --exclude-standard --deduplicate |
      while IFS= read -r -d '' file; do
        # git also lists files that were deleted
        if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
      done | tar --null --no-recursion -T - -cf -
  ) | tar -xf - -C "$1"
}

interpreter() { # interpreter VERSION: print the path of that Python
  local found
  for found in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    if [ -x "$found" ] && "$found" -c 'import venv' 2>/dev/null; then
      echo "$found"
      return
    fi
  done
  echo "python$1 is missing" >&2
  return 1
}

environment() { # environment NAME VERSION: make a copy of the tree with a virtual environment
  local python
  python=$(interpreter "$2") && copy_tree "$work/$1" && "$python" -m venv "$work/$1/.venv"
}

in_env() { # in_env NAME COMMAND-LINE: run a command line there as a reader would
  (
    cd "$work/$1" || exit
    export VIRTUAL_ENV="$work/$1/.venv" PATH="$work/$1/.venv/bin:$PATH"
    unset PYTHONPATH PYTHONHOME
    bash -euo pipefail -c "$2"
  )
}

install_extra() { # install_extra NAME EXTRA: install the requirements of an extra, not the project
  in_env "$1" "python - $2 <<'END' | xargs -d '\n' pip install
import sys, tomllib
with open('pyproject.toml', 'rb') as file:
    extras = tomllib.load(file)['project']['optional-dependencies']
print(*extras[sys.argv[1]], sep='\n')
END"
}
