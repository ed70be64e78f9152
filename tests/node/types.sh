#!/bin/bash
# tsc --strict over what the types must accept and refuse, by the resolution of ES modules, of bundlers and of old programs.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root/build/node-app"
mkdir -p types
cp "$root"/tests/node/*.ts types/
for way in "--module nodenext" "--module esnext --moduleResolution bundler" "--module commonjs --moduleResolution node10"; do
	# shellcheck disable=SC2086
	node_modules/.bin/tsc --strict --noEmit --target es2022 --types node $way types/types.ts
done
# Their own declarations are not ours to check.
for way in "--module nodenext" "--module esnext --moduleResolution bundler"; do
	# shellcheck disable=SC2086
	node_modules/.bin/tsc --strict --noEmit --target es2022 --types node --skipLibCheck $way types/schemas.ts
done
echo "the types hold under tsc --strict"
