// Next.js, App Router: register() from instrumentation.ts, the REST calls as a route handler, and what next.config needs.
'use strict'

const { wsManager } = require('./index.js')
const attaching = require('./attach.js')
const { BASE_PATH } = require('./dynamic.js')
const peers = require('./peers.js')

/**
 * Takes the WebSocket requests that match an endpoint, on whatever server Next.js listens with (next dev, next start, standalone).
 * May be called more than once. Elsewhere than in the Node.js runtime nothing happens. `endpoints` and `defaults`: as for attach().
 * `basePath`: that of next.config, if withWsManager() could not see it.
 */
function register({ manager = wsManager, basePath = basePathOfNext(), endpoints, defaults } = {}) {
  if (process.env.NEXT_RUNTIME === 'edge') return
  attaching.attachAll(manager, { prefix: basePath, endpoints, defaults, onRequest: peers.note })
  attaching.refuseUnanswered(manager)
}

function basePathOfNext() {
  // A standalone server has its configuration as text, and no next.config that could run.
  const standalone = process.env.__NEXT_PRIVATE_STANDALONE_CONFIG
  const found = standalone ? JSON.parse(standalone).basePath : process.env[BASE_PATH]
  return found ?? ''
}

/**
 * Only the server's part: it is native and has one state per process. ws_manager/react must be bundled like the application's own
 * components: outside of the bundle it would be without 'use client', and with another React than Next's.
 */
const NOT_BUNDLED = 'ws_manager/node/lib'

/** Adds to a configuration of Next.js, or a function that makes one, that the server's part of this package is not to be bundled. */
function withWsManager(config = {}) {
  if (typeof config === 'function') return async (...args) => withWsManager(await config(...args))
  process.env[BASE_PATH] = config.basePath ?? ''
  const packages = config.serverExternalPackages ?? []
  return { ...config, serverExternalPackages: [...new Set([...packages, NOT_BUNDLED])] }
}

/** The REST calls: export { GET, POST, OPTIONS } from 'ws_manager/next' in app/api/ws/[...path]/route.ts. */
const GET = (request) => wsManager.fetch(request, { path: pathOf(request), ...peers.seen(request) })
const POST = GET
const OPTIONS = GET

/** Without basePath, which Next.js leaves in a request's URL, and without the slash that `trailingSlash` adds. */
function pathOf(request) {
  const { pathname } = new URL(request.url)
  const base = basePathOfNext()
  const path = base !== '' && pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : pathname
  return path.replace(/(.)\/$/, '$1')
}

exports.register = register
exports.withWsManager = withWsManager
exports.GET = GET
exports.POST = POST
exports.OPTIONS = OPTIONS
