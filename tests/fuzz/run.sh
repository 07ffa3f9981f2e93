#!/usr/bin/env bash
# Runs libFuzzer for SECONDS_EACH (600) seconds per target, as many targets at a time as there are cores, to find inputs
# that violate what the target asserts.
# Arguments are names of targets; without any, all are run. Findings are in tests/fuzz/targets/__fuzz__/<target>/crashes, and
# `make test` replays them from then on. Inputs that reach new code are kept in target/fuzz/corpus; `--keep` adds them to the tree.
#
# It works with stable Rust: the compiler's own passes measure coverage, and no sanitizer is needed. The fuzzed code is built
# separately, below target/<host>. Needs a C++ compiler for libFuzzer.
set -euo pipefail
cd "$(dirname "$0")/../.."
targets=tests/fuzz/targets/__fuzz__
each=${SECONDS_EACH:-600}
keep=
[ "${1:-}" != --keep ] || { keep=yes; shift; }

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
export RUSTFLAGS="--cfg fuzzing --cfg fuzzing_libfuzzer -Cpasses=sancov-module -Ccodegen-units=1 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# With `--target` the flags apply to the fuzzed code, and not to build scripts.
host=$(rustc -vV | sed -n 's/^host: //p')
built=$(cargo test --package ciba-fuzz --test fuzz --no-run --target "$host" --config profile.dev.opt-level=1 \
  --config profile.dev.debug=false --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
# The build is done; the flags must not cause a rebuild of anything else.
unset RUSTFLAGS

names=("$@")
[ ${#names[@]} -gt 0 ] || for folder in "$targets"/*/; do names+=("$(basename "$folder")"); done
# Each target uses one thread, so one per core runs at a time. An older bash cannot tell which of several has ended.
cores=$(getconf _NPROCESSORS_ONLN)
[ $((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1])) -ge 501 ] || cores=1
echo "fuzzing ${#names[@]} targets for $each s each, $cores at a time"

declare -A running=() began=()
trap '[ ${#running[@]} -eq 0 ] || kill "${!running[@]}" 2>/dev/null || true' EXIT
failed=0

log_of() { echo "$PWD/target/fuzz/$1.log"; }

start() {
  local name=$1 found=$targets/$1/crashes new=$PWD/target/fuzz/corpus/$1
  mkdir -p "$found" "$new"
  # libFuzzer writes the inputs that it keeps to the first folder.
  BOLERO_TEST_NAME=$name \
    BOLERO_LIBFUZZER_ARGS="$new $PWD/$targets/$name/corpus -artifact_prefix=$PWD/$found/ -timeout=10 -max_len=4096 -max_total_time=$each" \
    "$built" "$name" --exact --nocapture --quiet --test-threads 1 >"$(log_of "$name")" 2>&1 &
  running[$!]=$name began[$name]=$SECONDS
}

# Waits until a target has ended, and reports it: its lines are not mixed with those of another one.
finish() {
  local pid=0 status=0
  if [ "$cores" -gt 1 ]; then wait -n -p pid || status=$?; else pid=${!running[*]} && { wait "$pid" || status=$?; }; fi
  local name=${running[$pid]}
  unset "running[$pid]"
  local took=$((SECONDS - began[$name])) log found=$targets/$name/crashes
  log=$(log_of "$name")
  if [ "$status" -eq 0 ]; then
    echo "  $name: no problems found in $took s: $(grep -o 'stat::number_of_executed_units.*\|Done [0-9]* runs.*' "$log" | tail -1)"
  else
    echo "  $name: FOUND a problem after $took s, see $log and $found" >&2
    tail -40 "$log" >&2
    failed=1
  fi
  rmdir --ignore-fail-on-non-empty "$found"
  [ -z "$keep" ] || cp "$PWD/target/fuzz/corpus/$name"/* "$targets/$name/corpus/" 2>/dev/null || true
}

for name in "${names[@]}"; do
  [ "${#running[@]}" -lt "$cores" ] || finish
  start "$name"
done
while [ "${#running[@]}" -gt 0 ]; do finish; done
exit $failed
