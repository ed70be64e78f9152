#!/bin/bash
# Packs the package and installs the tarball into an empty project below build/: prepare.sh <folder> [gyp argument...]
set -eu -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/build/$1
shift
mkdir -p "$folder"
cp "$root/tests/node/package.json" "$folder/"
cd "$folder"
rm -f ws_manager-*.tgz
[ -e "$root/node/dist/client/index.js" ] || "$root/.ci/compile-web"
(cd "$root" && npm pack --silent --pack-destination "$folder" >/dev/null)
"$root/.ci/npm-install"
# Without its scripts first: npm shows nothing of what they say, and the compiler's words are wanted.
rm -rf node_modules/ws_manager
"$root/.ci/npm-install" --no-save --ignore-scripts ./ws_manager-*.tgz
WS_MANAGER_GYP="$*" node node_modules/ws_manager/node/build.js >build.log 2>&1 || { tail -n 40 build.log; exit 1; }
