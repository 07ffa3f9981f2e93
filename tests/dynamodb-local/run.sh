#!/usr/bin/env bash
# Runs a command with AWS's DynamoDB Local at TEST_DYNAMODB_URL, and fetches it into .tools/ the first time.
# With --or-skip, if this machine cannot run it, it says so and succeeds.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=
for tool in java javac mvn; do
  command -v "$tool" >/dev/null || missing="$tool is missing"
done
# Its SQLite is native code, which Maven Central has only for this architecture.
[ "$(uname -m)" = x86_64 ] || missing="there is no native library for $(uname -m)"
if [ "${1-}" = --or-skip ]; then
  shift
  if [ -n "$missing" ]; then
    echo "SKIPPED: the tests on DynamoDB Local ($missing; they need JDK 17 or later, and Maven)" >&2
    exit 0
  fi
elif [ -n "$missing" ]; then
  echo "DynamoDB Local needs JDK 17 or later, and Maven, on x86_64: $missing" >&2
  exit 1
fi

jars=.tools/dynamodb-local
wanted=$(cksum <tests/dynamodb-local/pom.xml)
if [ "$(cat $jars/stamp 2>/dev/null)" != "$wanted" ]; then
  echo "Fetching DynamoDB Local into $jars/ (once). It has AWS's own licence: LICENSE.txt in its jar." >&2
  rm -rf $jars
  mvn --quiet --batch-mode -Dstyle.color=never --file tests/dynamodb-local/pom.xml dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$PWD/$jars"
  echo "$wanted" >$jars/stamp
fi

# The simple compiler and garbage collector: the server does not run for long.
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.library.path=$jars -cp "$jars/*" \
  tests/dynamodb-local/RunWith.java "$@"
