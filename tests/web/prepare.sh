#!/bin/bash
# Makes build/web, where the browser client and the React package are compiled and tested, and compiles them to node/dist.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$("$root/.ci/find-node-for-next"):$PATH
mkdir -p "$root/build/web"
cd "$root/build/web"
rm -rf node tests docs react18/node react18/tests
mkdir -p node tests docs react18
cp "$root/tests/web/package.json" .
cp -r "$root/node/client" "$root/node/react" "$root/node/tsconfig.web.json" node/
cp -r "$root/tests/web" tests/
cp "$root/docs/client.md" "$root/docs/react.md" docs/
npm install --silent --no-audit --no-fund --no-package-lock
# The same once more, with React 18; the rest is found a folder further up.
cp tests/web/react18.json react18/package.json
cp -r node tests react18/
(cd react18 && npm install --silent --no-audit --no-fund --no-package-lock)
dist=$root/node/dist
rm -rf "$dist"
# Modules for browsers and bundlers, and CommonJS for what cannot load them: Jest, and Node before 20.19 by require().
node node_modules/typescript/bin/tsc -p node/tsconfig.web.json --outDir "$dist"
node node_modules/typescript/bin/tsc -p node/tsconfig.web.json --outDir "$dist/cjs" --module commonjs --moduleResolution node10
echo '{ "type": "module" }' >"$dist/package.json"
echo '{ "type": "commonjs" }' >"$dist/cjs/package.json"
cp node/react/styles.css "$dist/react/"
# TypeScript 6 wants types for what is imported for its effect alone.
echo 'export {}' >"$dist/cjs/react/styles.d.ts"
