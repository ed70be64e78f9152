#!/bin/bash
# Runs the tests inside a project that prepare.sh made: run.sh <folder> [argument of node --test, or name of a test file...]
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/build/$1
shift
rm -rf "$folder/tests"
mkdir "$folder/tests"
cp "$root"/tests/node/*.mjs "$root"/tests/node/*.ts "$root"/docs/{handlers,node,values}.md "$folder/tests/"
mkdir "$folder/tests/moving"
cp "$root"/docs/moving/*.md "$folder/tests/moving/"
cd "$folder"
# Nothing of the addon is in it, and npm is slow under ASan.
[ -z "${LD_PRELOAD:-}" ] || rm tests/install.test.mjs
options=()
names=()
for argument in "$@"; do
	case "$argument" in
	-*) options+=("$argument") ;;
	*) names+=("tests/$argument.test.mjs") ;;
	esac
done
[ ${#names[@]} -gt 0 ] || names=(tests/*.test.mjs)
status=0
# Not in Node 18.
! node --help | grep -q -- --test-timeout || options+=("--test-timeout=$((300000 + ${WSM_ROUNDS:-0} * 1000))")
node --test --test-reporter=spec ${options[@]+"${options[@]}"} "${names[@]}" 2>&1 | tee node-tests.log || status=$?
count() { sed -n "s/^ℹ $1 //p" node-tests.log | tail -n 1; }
[ "$status" = 0 ] || exit "$status"
echo "node: $(count pass) tests passed with Node $(node --version)"
