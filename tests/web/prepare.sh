#!/bin/bash
# Makes build/web, where the browser client and the React package are tested.
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$("$root/.ci/find-node-for-next"):$PATH
mkdir -p "$root/build/web"
cd "$root/build/web"
rm -rf node tests docs react18/node react18/tests
mkdir -p node tests docs react18
cp "$root/tests/web/package.json" .
cp -r "$root/node/client" "$root/node/react" "$root/node/tsconfig.web.json" node/
cp -r "$root/tests/web" "$root/tests/vectors" tests/
cp "$root/csrc/events/events.json" tests/web/
cp "$root/docs/client.md" "$root/docs/react.md" docs/
"$root/.ci/npm-install"
# The same once more, with React 18; the rest is found a folder further up.
cp tests/web/react18.json react18/package.json
cp -r node tests react18/
(cd react18 && "$root/.ci/npm-install")
