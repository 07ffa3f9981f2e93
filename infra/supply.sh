#!/usr/bin/env bash
# Holds the dependencies against deny.toml. The list of known vulnerabilities comes over the network, from RustSec's repository;
# no package registry offers it. Without the list nothing is known about vulnerabilities, so the command fails. With
# ADVISORIES=optional it only says so, for machines that have no network.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=.tools/bin/cargo-deny

"$deny" check --hide-inclusion-graph licenses bans sources
if "$deny" fetch db; then
  "$deny" check --hide-inclusion-graph advisories
else
  echo "NOT CHECKED: whether the dependencies have known vulnerabilities. The advisory database could not be fetched." >&2
  echo "Do not release on this result; repeat it where github.com can be reached, or with the database in ~/.cargo/advisory-dbs." >&2
  [ "${ADVISORIES:-required}" = optional ]
fi
