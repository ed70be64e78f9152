#!/bin/bash
# Runs the tests of the browser client and the React package, in build/web as prepare.sh made it.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$("$root/.ci/find-node-for-next"):$PATH
cd "$root/build/web"
NO_COLOR=1 node node_modules/vitest/vitest.mjs run --config tests/web/vitest.config.ts "$@" 2>&1 | tee web-tests.log
echo "web:$(sed -n 's/^ *Tests  *\([0-9]* passed\).*/ \1/p' web-tests.log | tail -n 1) with Node $(node --version)"
