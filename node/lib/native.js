// The addon, or a sentence that says why there is none here.
'use strict'

/** What loads an addon of another kind of program may abort the whole process, and no one could say why. */
function mustBeNode() {
  const { versions } = process
  const other = versions.bun ? `Bun ${versions.bun}` : versions.deno ? `Deno ${versions.deno}` : undefined
  if (other === undefined) return
  throw new Error(
    `the server part of ws_manager runs in Node.js only, and this is ${other}, which lacks the event loop that its addon needs. ` +
      'Run the server with node; ws_manager/client and ws_manager/react work everywhere.',
  )
}

/** A bundler has copied this file somewhere else, where no addon is beside it, and where there could be several of one process. */
function mustNotBeBundled() {
  if (typeof __filename === 'string' && /[\\/]native\.js$/.test(__filename)) return
  throw new Error(
    'the server part of ws_manager was bundled, and it is native code that must stay outside. Next.js: ' +
      "export default withWsManager({…}) from 'ws_manager/next' in next.config; other bundlers: name ws_manager as external.",
  )
}

function load() {
  mustBeNode()
  mustNotBeBundled()
  try {
    // A literal, so that tracers that look for native files find it.
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
  const fs = require('node:fs')
  const path = require('node:path')
  try {
    return fs.readFileSync(path.join(__dirname, '../../build/not_built.txt'), 'utf8').trim()
  } catch {
    return 'its install script has not run. Some package managers ask for your consent to that; then: npm rebuild ws_manager.'
  }
}

module.exports = load()
