// Next.js, App Router: register() from instrumentation.ts, the REST calls as a route handler, and what next.config needs.
'use strict'

const { wsManager } = require('./index.js')
const attaching = require('./attach.js')

/**
 * Takes the WebSocket requests that match an endpoint, on whatever server Next.js listens with (next dev, next start, standalone).
 * May be called more than once. Elsewhere than in the Node.js runtime nothing happens.
 */
function register({ manager = wsManager } = {}) {
  if (process.env.NEXT_RUNTIME === 'edge') return
  attaching.attachAll(manager)
  attaching.refuseUnanswered(manager)
}

/**
 * Only the server's part: it is native and has one state per process. ws_manager/react must be bundled like the application's own
 * components: outside of the bundle it would be without 'use client', and with another React than Next's.
 */
const NOT_BUNDLED = 'ws_manager/node/lib'

/** Adds to a configuration of Next.js that the server's part of this package is not to be bundled. */
function withWsManager(config = {}) {
  const packages = config.serverExternalPackages ?? []
  return { ...config, serverExternalPackages: [...new Set([...packages, NOT_BUNDLED])] }
}

/** The REST calls: export { GET, POST } from 'ws_manager/next' in app/api/ws/[...path]/route.ts. */
const GET = (request) => wsManager.fetch(request)
const POST = GET

exports.register = register
exports.withWsManager = withWsManager
exports.GET = GET
exports.POST = POST
