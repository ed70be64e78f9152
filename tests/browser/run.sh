#!/bin/bash
# Runs the tests of the browser client and the React package in Chromium, against real servers: run.sh [scenario file...]
# WSM_ROUNDS: how often servers and tabs are killed (5); WSM_LIMIT: seconds for all (600). The tables that it prints are those of docs/reliability.md.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export CHROMIUM=${CHROMIUM:-$("$root/.ci/find-browser")}
PATH=$("$root/.ci/find-node-for-next"):$PATH
mkdir -p "$root/build/browser"
cd "$root/build/browser"
find . -mindepth 1 -maxdepth 1 ! -name node_modules ! -name .npm-install-unfinished -exec rm -rf {} +
cp -r "$root"/tests/browser/. .
"$root/.ci/npm-install"
node bundle.mjs "$root/node/dist"
files=()
for name in "${@:-*}"; do files+=($name.test.mjs); done
WSM_ROOT=$root timeout --kill-after=10 "${WSM_LIMIT:-600}" \
	node --test --test-reporter=spec --test-concurrency=3 --test-timeout=1500000 "${files[@]}" 2>&1 | tee browser-tests.log
echo "browser: $(sed -n 's/^ℹ pass //p' browser-tests.log | tail -n 1) tests passed in $("$CHROMIUM" --version 2>/dev/null | sed 's/ built.*//')"
