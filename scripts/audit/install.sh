#!/bin/sh
# Brings .venv-audit (slither, halmos, cvc5) and tests/forge/node_modules (forge) to what their lock files say.
# The tools need older packages than the services, hence an environment of their own.
set -eu
cd "$(dirname "$0")/../.."

venv=.venv-audit
root=$(pwd -P)

stamp_of() { (echo "$root"; cat "$@") | sha256sum | cut -d' ' -f1; }
is_stamped() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

python_key=$(stamp_of tests/forge/requirements.lock)
if ! is_stamped "$venv/.stamp" "$python_key"; then
  echo "audit: installing slither and halmos into $venv"
  rm -rf "$venv"
  .venv/bin/uv venv --quiet --python .venv/bin/python "$venv"
  .venv/bin/uv pip install --quiet --python "$venv/bin/python" --no-deps --require-hashes -r tests/forge/requirements.lock
  echo "$python_key" > "$venv/.stamp"
fi

node_key=$(stamp_of tests/forge/package-lock.json)
if ! is_stamped tests/forge/node_modules/.stamp "$node_key"; then
  echo "audit: installing forge into tests/forge"
  npm ci --prefix tests/forge --no-audit --no-fund --silent
  echo "$node_key" > tests/forge/node_modules/.stamp
fi
