#!/usr/bin/env bash
# Runs a command, and keeps what it prints in target/ran/<name>.txt for ran.py. The exit code is the command's.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/ran
kept=target/ran/$1.txt
shift
"$@" 2>&1 | tee "$kept"
