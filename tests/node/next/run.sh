#!/bin/bash
# Runs the tests of the package inside Next.js, in a browser: on the applications that .ci/next-app has made.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
PATH=$("$root/.ci/find-node-for-next"):$PATH
mkdir -p "$root/build/next-tests"
rm -f "$root"/build/next-tests/*.mjs
rm -rf "$root/build/next-kept"
cp "$root"/tests/node/next/* "$root/tests/browser/support/schemes.mjs" "$root/build/next-tests/"
cd "$root/build/next-tests"
"$root/.ci/npm-install"
status=0
NEXT_APP=$root/build/next-app NEXT_STANDALONE=$root/build/next-standalone \
	node --test --test-concurrency=2 --test-reporter=spec --test-timeout=900000 ./*.test.mjs 2>&1 | tee next-tests.log || status=$?
[ "$status" = 0 ] || exit "$status"
echo "next: $(sed -n 's/^ℹ pass //p' next-tests.log | tail -n 1) tests passed with Next.js $(node -p "require('$root/build/next-app/node_modules/next/package.json').version") on Node $(node --version)"
