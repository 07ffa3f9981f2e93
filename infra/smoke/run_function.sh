#!/bin/sh
# Runs a function with the environment that the template gives to it, and to no other: `cargo run` starts a binary by what
# CARGO_TARGET_<TRIPLE>_RUNNER says. Usage: run_function.sh FOLDER BINARY
set -eu
set -a
. "$1/$(basename "$2").env"
exec "$2"
