#!/usr/bin/env bash
# Runs a command that needs a browser: Chromium, and a driver of the same version.
# With --or-skip, if this machine has none, it says so and succeeds.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=
for tool in chromium chromedriver; do
  command -v "$tool" >/dev/null || missing="$tool is missing"
done
needed="they need Chromium and its driver; on Debian: apt-get install chromium chromium-driver"
if [ "${1-}" = --or-skip ]; then
  shift
  if [ -n "$missing" ]; then
    echo "SKIPPED: the tests in a browser ($missing; $needed)" >&2
    exit 0
  fi
elif [ -n "$missing" ]; then
  echo "The tests in a browser cannot run: $missing; $needed" >&2
  exit 1
fi
exec "$@"
