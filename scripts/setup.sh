#!/bin/sh
# Brings .venv, node_modules and the Solidity compiler to what the lock files say. Run it as often as you like.
#
# PYTHON  the interpreter to make .venv with (default: the first 3.11 of python3.11, python3, python)
# Steps are remembered by stamps that hold a digest of what they depend on, so a run with nothing to do takes
# milliseconds; a second run at the same time waits for the first.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd -P)

UV_VERSION=0.13.9
TORCH_VERSION=2.13.0 # as in pyproject.toml

say() { printf '\033[1msetup:\033[0m %s\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
digest() { if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
is_stamped() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# The root is part of the keys: a moved checkout has scripts that point at the old place.
python_key=$( (echo "$root"; digest requirements.lock scripts/setup.sh) | digest | cut -d' ' -f1)
project_key=$( (echo "$root"; digest pyproject.toml) | digest | cut -d' ' -f1)
node_key=$( (echo "$root"; digest package-lock.json scripts/setup.sh scripts/install_solc.mjs) | digest | cut -d' ' -f1)

python_stamp=.venv/.setup-python
project_stamp=.venv/.setup-project
node_stamp=node_modules/.setup-node

# An empty folder is no compiler.
has_solc() { set -- .build/solc/solc-v*; [ -x "$1" ]; }

everything_is_there() {
  is_stamped "$python_stamp" "$python_key" && is_stamped "$project_stamp" "$project_key" \
    && is_stamped "$node_stamp" "$node_key" && [ -x .venv/bin/python ] \
    && [ -x .venv/bin/stemma ] && has_solc
}

find_python() {
  for candidate in "${PYTHON:-}" python3.11 python3 python; do
    [ -n "$candidate" ] || continue
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if [ "$version" = 3.11 ]; then echo "$candidate"; return 0; fi
    [ "$candidate" = "${PYTHON:-}" ] && say "PYTHON=$candidate is Python $version, which is not 3.11"
  done
  return 1
}

make_venv() {
  [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
    && .venv/bin/python -m pip --version >/dev/null 2>&1 && grep -qsF "$root/.venv" .venv/bin/activate && return 0
  python=$(find_python) || fail "Python 3.11 was not found. Debian 12: apt-get install python3 python3-venv. \
Elsewhere install Python 3.11 and run: make setup PYTHON=/path/to/python3.11"
  say "making .venv with $("$python" --version)"
  rm -rf .venv
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv .venv
  elif "$python" -m pip --version >/dev/null 2>&1; then
    # Debian splits ensurepip off into python3-venv; the system's pip can stand in, without root.
    "$python" -m venv --without-pip .venv
    "$python" -m pip --python .venv/bin/python install -q pip setuptools \
      || { rm -rf .venv; fail "the system's pip could not fill .venv: apt-get install python3-venv"; }
  else
    rm -rf .venv
    fail "this Python cannot make virtual environments: apt-get install python3-venv (as root), then run make again"
  fi
}

install_python_packages() {
  is_stamped "$python_stamp" "$python_key" && [ -x .venv/bin/python ] && return 0
  # An interrupted run must not leave the stamp of the lock file before this one over packages of both.
  rm -f "$python_stamp"
  make_venv
  say "installing uv $UV_VERSION"
  .venv/bin/python -m pip install -q --disable-pip-version-check "uv==$UV_VERSION"
  install_torch
  say "installing the packages of requirements.lock"
  .venv/bin/uv pip install --python .venv/bin/python --no-deps --require-hashes -r requirements.lock
  if ! .venv/bin/python -c 'import torch' 2>/dev/null; then
    # A build for CUDA does not even load without its libraries.
    say "this torch needs more libraries: installing them too (large)"
    .venv/bin/python -m pip install --disable-pip-version-check "torch==$TORCH_VERSION"
  fi
  # Where PYTHONDONTWRITEBYTECODE is set nothing would ever be compiled, and every start would take seconds more.
  say "compiling the packages"
  .venv/bin/python -m compileall -q -j 0 -x '/(tests?|testing)/' .venv/lib/python3.11/site-packages >/dev/null 2>&1 || true
  echo "$python_key" > "$python_stamp"
}

install_torch() {
  # By pip and not by uv: pip takes the CPU build where the machine's pip settings offer one.
  .venv/bin/python -c "import importlib.metadata as m, sys
sys.exit(m.version('torch').split('+')[0] != '$TORCH_VERSION')" 2>/dev/null && return 0
  say "installing torch $TORCH_VERSION"
  .venv/bin/python -m pip install --disable-pip-version-check --no-deps "torch==$TORCH_VERSION"
}

install_project() {
  is_stamped "$project_stamp" "$project_key" && [ -x .venv/bin/stemma ] && return 0
  rm -f "$project_stamp"
  say "installing the project itself"
  .venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation --offline --editable .
  echo "$project_key" > "$project_stamp"
}

install_node_packages() {
  is_stamped "$node_stamp" "$node_key" && has_solc && return 0
  command -v node >/dev/null 2>&1 || fail "node was not found: install Node.js 20 or newer (with npm)"
  command -v npm >/dev/null 2>&1 || fail "npm was not found: install it beside Node.js (Debian: apt-get install npm)"
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "node is version $(node --version); Stemma needs Node.js 20 or newer"
  rm -f "$node_stamp"
  say "installing the packages of package-lock.json"
  npm ci --no-audit --no-fund
  install_other_anvil
  say "installing the Solidity compiler"
  node scripts/install_solc.mjs
  echo "$node_key" > "$node_stamp"
}

# The lock file holds anvil for Linux on x86_64; npm skips it elsewhere, and the same version is taken unlocked.
install_other_anvil() {
  platform=$(node -p '`${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`')
  [ -d "node_modules/@foundry-rs/anvil-$platform" ] && return 0
  version=$(node -p 'require("./package.json").optionalDependencies["@foundry-rs/anvil-linux-amd64"]')
  say "installing anvil $version for $platform (not in the lock file)"
  npm install --no-save --no-audit --no-fund "@foundry-rs/anvil-$platform@$version"
}

everything_is_there && exit 0

if [ -z "${STEMMA_SETUP_LOCKED:-}" ] && command -v flock >/dev/null 2>&1; then
  exec env STEMMA_SETUP_LOCKED=1 flock "$root/scripts/setup.sh" "$root/scripts/setup.sh"
fi
everything_is_there && exit 0
install_python_packages
install_project
install_node_packages
say "done"
