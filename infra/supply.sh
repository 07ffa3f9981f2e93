#!/usr/bin/env bash
# Checks the dependencies against deny.toml. The list of known vulnerabilities is fetched from RustSec's repository, because
# no package registry offers it. Without the list vulnerabilities cannot be checked, so the command fails. With
# ADVISORIES=optional it only prints a warning, for machines without network access.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=.tools/bin/cargo-deny

"$deny" check --hide-inclusion-graph licenses bans sources
if "$deny" fetch db; then
  "$deny" check --hide-inclusion-graph advisories
else
  echo "NOT CHECKED: whether the dependencies have known vulnerabilities. The advisory database could not be fetched." >&2
  echo "Do not release on this result; repeat the check where github.com can be reached, or with the database in ~/.cargo/advisory-dbs." >&2
  [ "${ADVISORIES:-required}" = optional ]
fi
