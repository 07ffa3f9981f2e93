#!/usr/bin/env bash
# Holds the dependencies against deny.toml. The list of known vulnerabilities comes over the network: where it cannot be
# had, that is said, and with ADVISORIES=required it is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=.tools/bin/cargo-deny

"$deny" check --hide-inclusion-graph licenses bans sources
if "$deny" fetch db; then
  "$deny" check --hide-inclusion-graph advisories
else
  echo "SKIPPED: known vulnerabilities were NOT checked, because the advisory database could not be fetched" >&2
  [ "${ADVISORIES:-optional}" != required ]
fi
