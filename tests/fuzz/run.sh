#!/usr/bin/env bash
# Has libFuzzer look for an input for which one of the targets' promises does not hold, for SECONDS_EACH (600) seconds per target.
# With names of targets: those alone. What it finds is in tests/fuzz/targets/__fuzz__/<target>/crashes, and `make test` tries
# it from then on. New inputs that reach new code are kept in target/fuzz/corpus; `--keep` takes them into the tree.
#
# Stable Rust: the compiler's own passes count what is reached, and no sanitizer is needed. What is fuzzed is built once more for
# it, below target/<host>. Needs a C++ compiler for libFuzzer.
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
# With `--target` the flags are for what is fuzzed, and not for what builds it.
host=$(rustc -vV | sed -n 's/^host: //p')
built=$(cargo test --package ciba-fuzz --test fuzz --no-run --target "$host" --config profile.dev.opt-level=1 \
  --config profile.dev.debug=false --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
# Not the flags of a build any more, and no reason to build anything else anew.
unset RUSTFLAGS

names=("$@")
[ ${#names[@]} -gt 0 ] || for folder in "$targets"/*/; do names+=("$(basename "$folder")"); done
failed=0
for name in "${names[@]}"; do
  found=$targets/$name/crashes new=$PWD/target/fuzz/corpus/$name log=$PWD/target/fuzz/$name.log
  mkdir -p "$found" "$new"
  echo "fuzzing $name for $each s"
  began=$SECONDS
  # The first folder is where libFuzzer puts what it keeps.
  if BOLERO_TEST_NAME=$name \
    BOLERO_LIBFUZZER_ARGS="$new $PWD/$targets/$name/corpus -artifact_prefix=$PWD/$found/ -timeout=10 -max_len=4096 -max_total_time=$each" \
    "$built" "$name" --exact --nocapture --quiet --test-threads 1 >"$log" 2>&1; then
    echo "  nothing found in $((SECONDS - began)) s: $(grep -o 'stat::number_of_executed_units.*\|Done [0-9]* runs.*' "$log" | tail -1)"
  else
    echo "  FOUND something after $((SECONDS - began)) s, see $log and $found" >&2
    tail -40 "$log" >&2
    failed=1
  fi
  rmdir --ignore-fail-on-non-empty "$found"
  [ -z "$keep" ] || cp "$new"/* "$targets/$name/corpus/" 2>/dev/null || true
done
exit $failed
