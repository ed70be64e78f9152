// The addon, or a sentence that says why there is none here.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

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

/**
 * A bundler has copied this file somewhere else, where no addon is beside it, and where there could be several of one process. Some leave
 * the name that it had, and nothing is there under it.
 */
function mustNotBeBundled() {
  if (path.basename(__filename) === 'native.js' && fs.existsSync(__filename)) return
  throw new Error(
    'the server part of ws_manager was bundled, and it is native code that must stay outside. Next.js: ' +
      "export default withWsManager({…}) from 'ws_manager/next' in next.config; other bundlers: name ws_manager as external.",
  )
}

/**
 * As require() loads an addon, but bundlers do not look into it: they would break off with words about the file's first bytes, and
 * mustNotBeBundled() could not say what to do. Tracers, which copy what a server needs, find the file by this path.
 */
function load() {
  mustBeNode()
  mustNotBeBundled()
  const file = path.join(__dirname, '../../build/Release/ws_manager.node')
  if (!fs.existsSync(file)) {
    throw new Error(
      `the server part of ws_manager is not built: ${reason()} (ws_manager/client and ws_manager/react do without it.)`,
    )
  }
  const addon = { exports: {} }
  process.dlopen(addon, file)
  return addon.exports
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
