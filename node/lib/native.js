// The addon. The path is a literal, so that bundlers and tracers that look for native files find it.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

function load() {
  try {
    return require('../../build/Release/ws_manager.node')
  } catch (cause) {
    if (cause.code !== 'MODULE_NOT_FOUND') throw cause
    throw new Error(
      `the server part of ws_manager is not built: ${reason()} (ws_manager/client and ws_manager/react do without it.)`,
      { cause },
    )
  }
}

/** Why not: what node/build.js has left. */
function reason() {
  try {
    return fs.readFileSync(path.join(__dirname, '../../build/not_built.txt'), 'utf8').trim()
  } catch {
    return 'its install script has not run. Some package managers ask for your consent to that; then: npm rebuild ws_manager.'
  }
}

module.exports = load()
