// Next.js, App Router: register() from instrumentation.ts, the REST calls as a route handler, and what next.config needs.
'use strict'

const { wsManager } = require('./index.js')
const handover = require('./handover.js')

/**
 * Takes the WebSocket requests that match an endpoint, on whatever server Next.js listens with (next dev, next start, standalone).
 * May be called more than once. Elsewhere than in the Node.js runtime nothing happens.
 */
function register({ manager = wsManager } = {}) {
  if (process.env.NEXT_RUNTIME === 'edge') return
  handover.attachAll(manager)
}

/** Adds to a configuration of Next.js that this package is not to be bundled: its native part and its state are one. */
function withWsManager(config = {}) {
  const packages = config.serverExternalPackages ?? []
  return { ...config, serverExternalPackages: [...new Set([...packages, 'ws_manager'])] }
}

/** The REST calls: export { GET, POST } from 'ws_manager/next' in app/api/ws/[...path]/route.ts. */
const GET = (request) => wsManager.fetch(request)
const POST = GET

exports.register = register
exports.withWsManager = withWsManager
exports.GET = GET
exports.POST = POST
