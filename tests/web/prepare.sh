#!/bin/bash
# Makes build/web, where the browser client and the React package are compiled and tested, and compiles them to node/dist.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$("$root/.ci/find-node-for-next"):$PATH
mkdir -p "$root/build/web"
cd "$root/build/web"
rm -rf node tests docs
mkdir -p node tests docs
cp "$root/tests/web/package.json" .
cp -r "$root/node/client" "$root/node/react" "$root/node/tsconfig.web.json" node/
cp -r "$root/tests/web" tests/
cp "$root/docs/client.md" "$root/docs/react.md" docs/
npm install --silent --no-audit --no-fund --no-package-lock
rm -rf "$root/node/dist"
node node_modules/typescript/bin/tsc -p node/tsconfig.web.json --outDir "$root/node/dist"
# The package is CommonJS; these are ES modules.
echo '{ "type": "module" }' >"$root/node/dist/package.json"
cp node/react/styles.css "$root/node/dist/react/"
