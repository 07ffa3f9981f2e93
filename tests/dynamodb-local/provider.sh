#!/usr/bin/env bash
# Runs the provider's tests on DynamoDB Local, in parts with a server each: a single server got slower from test to test,
# even if the tables of earlier tests were deleted, until calls took longer than the functions wait. The same happens with
# more tests in parallel, because a JVM and the tests share the machine. Takes --or-skip as run.sh does.
set -euo pipefail
cd "$(dirname "$0")/../.."

part() {
  tests/dynamodb-local/run.sh ${or_skip:+"$or_skip"} cargo test --workspace --test provider -- --test-threads=2 "$@"
}

or_skip=${1-}
racing=(conflicts:: races::)
busiest=(delivery:: keys::)
asking=(backchannel_authentication:: consent::)
others=(budget:: grants:: mutual_tls:: notification:: passkey::)
part "${racing[@]}"
part "${busiest[@]}"
part "${asking[@]}"
part "${others[@]}"
part $(printf -- '--skip %s ' "${racing[@]}" "${busiest[@]}" "${asking[@]}" "${others[@]}")
