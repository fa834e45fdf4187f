#!/bin/sh
# Makes a virtual environment and says in one sentence what is missing, if something is.
#
#   PYTHON=… sh scripts/environment.sh FOLDER REQUIREMENTS [project]
#
# REQUIREMENTS is a lock of requirements/, or `newest`: whatever the ranges of pyproject.toml allow today.
# With `project`, the project itself is installed too, editable. The Makefile calls this.
set -eu

folder=$1
requirements=$2
project=${3:-}
log=$folder/install.log
oldest="3.11"

fail() {
  printf 'make: %s\n' "$@" >&2
  exit 1
}

version_of() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The newest that the lock is made for, then whatever calls itself Python.
find_python() {
  for name in python3.13 python3.12 python3.11 python3 python; do
    if is_new_enough "$name"; then
      echo "$name"
      return
    fi
  done
}

choose_python() {
  if [ -z "${PYTHON:-}" ]; then
    PYTHON=$(find_python)
    [ -n "$PYTHON" ] && return
    found=$(version_of python3) && fail \
      "Python $oldest or newer is needed, and python3 is $found; install one, or name it: make PYTHON=/path/to/python$oldest …"
    fail "Python $oldest or newer is needed, and none was found; install one, or name it: make PYTHON=/path/to/python$oldest …"
  fi
  found=$(version_of "$PYTHON") || fail "PYTHON=$PYTHON cannot be run; Python $oldest or newer is needed."
  is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is Python $found; $oldest or newer is needed."
}

make_folder() {
  "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || fail \
    "$PYTHON comes without its module venv; install it (on Debian and Ubuntu: apt install python$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv)."
  "$PYTHON" -m venv --clear "$folder"
}

# What pip printed tells a broken network, a missing compiler and everything else apart. With few retries
# it says of the network only that it found no version at all.
explain() {
  tail -n 15 "$log" >&2
  if grep -Eqi 'connection broken|Max retries exceeded|name resolution|timed out|from versions: none' "$log"; then
    fail "the package index could not be reached, or lacks a package; check the network, PIP_INDEX_URL and PIP_PROXY (pip's words: $log)."
  fi
  if grep -Eqi "command '[^']*(cc|clang|[cg]\+\+)[^']*' failed|failed building wheel|(unknown|acceptable) (c )?compiler|rust compiler" "$log"; then
    fail "a package has no ready-made wheel for this Python and machine and could not be compiled; install a C compiler (Debian and Ubuntu: apt install build-essential; macOS: xcode-select --install), or use Python 3.11 to 3.13 (pip's words: $log)."
  fi
  fail "pip could not install what is needed; its words are above and in $log."
}

pip() {
  "$folder/bin/python" -m pip --disable-pip-version-check "$@" >>"$log" 2>&1 || explain
}

# The packages. A folder that has them already is kept: only the project is installed anew.
install_requirements() {
  if [ "$requirements" = newest ]; then
    echo "Installing the newest packages that pyproject.toml allows into $folder with Python $version: about a minute."
    make_folder
    pip install --no-compile --editable '.[dev]'
    project=
    return
  fi
  if cmp -s "$requirements" "$folder/.installed" && [ "$(cat "$folder/.python" 2>/dev/null)" = "$PYTHON" ]; then
    return
  fi
  echo "Installing what $requirements lists into $folder with Python $version, once: about a minute."
  make_folder
  pip install --no-compile --require-hashes --no-deps --requirement "$requirements"
  cp "$requirements" "$folder/.installed"
}

choose_python
version=$(version_of "$PYTHON")
install_requirements
if [ -n "$project" ]; then
  # With the build tools of the lock: nothing is downloaded that the lock does not name.
  pip install --no-deps --no-build-isolation --editable .
fi
echo "$PYTHON" >"$folder/.python"
touch "$folder/.ready"
