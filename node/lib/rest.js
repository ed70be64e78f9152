// The REST calls of docs/protocol.md inside other servers. The core answers, as on its own port.
'use strict'

const { WsManagerError } = require('./errors.js')

/** Bytes of a REST body that the core takes. No more than one byte over it is kept: enough for its own 413. */
const MAX_BODY = 1024 * 1024

const PATHS =
  /^\/(?:(?:api\/)?ws\/stats|api\/ws\/(?:connections|bans|health|broadcast|history|project\/[^/]+\/subscribers)|metrics)$/

function split(url) {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

/** (req, res, next?) of node:http, Express and Connect; true if the call is one of ours. */
async function handle(manager, req, res, next) {
  const [path, query] = split(req.url)
  if (!PATHS.test(path)) {
    if (next) return next()
    res.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('not found')
    return undefined
  }
  const [status, type, body] = await call(
    manager,
    req.method,
    path,
    query,
    req.socket.remoteAddress,
    req.headers,
    await bodyOf(req),
  )
  res.statusCode = status
  res.setHeader('content-type', type)
  res.setHeader('content-length', body.length)
  res.end(req.method === 'HEAD' ? undefined : body)
  return undefined
}

async function call(manager, method, path, query, ip, headers, body) {
  try {
    return await manager._rest(
      method,
      path,
      query,
      ip ?? '',
      headers.authorization ?? '',
      headers['x-api-key'] ?? '',
      headers.origin ?? '',
      headers.forwarded ?? '',
      headers['x-forwarded-for'] ?? '',
      headers.host ?? '',
      body,
    )
  } catch (error) {
    if (!(error instanceof WsManagerError)) throw error
    return [503, 'text/plain; charset=utf-8', Buffer.from(error.message)]
  }
}

/** The body of a request, up to one byte over MAX_BODY; also one that a body parser has read before. */
async function bodyOf(req) {
  if (req.body !== undefined && req.readableEnded) return parsed(req.body)
  const chunks = []
  let size = 0
  for await (const chunk of req) {
    if (size > MAX_BODY) continue
    chunks.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY + 1)
}

function parsed(body) {
  if (body instanceof Uint8Array) return body
  return Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''))
}

/** Registers the calls in Fastify. */
function fastify(manager, app) {
  const paths = [
    '/api/ws/stats',
    '/ws/stats',
    '/api/ws/connections',
    '/api/ws/history',
    '/api/ws/broadcast',
    '/metrics',
  ]
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
  app.register(async (scope) => {
    // The core reads the body itself, whatever its type says.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY + 1 }, (request, body, done) =>
      done(null, body),
    )
    for (const url of [...paths, '/api/ws/project/:project_id/subscribers']) {
      scope.route({
        method: methods,
        url,
        handler: async (request, reply) => {
          const [path, query] = split(request.raw.url)
          const suffix = path.slice(app.prefix?.length ?? 0)
          const answer = await call(
            manager,
            request.method,
            suffix,
            query,
            request.ip,
            request.headers,
            request.body ?? Buffer.alloc(0),
          )
          reply.code(answer[0]).header('content-type', answer[1])
          return reply.send(answer[2])
        },
      })
    }
  })
}

/** The Response to a Request of fetch's kind. `ip`: of the client, where the caller knows it; unknown is not loopback. */
async function respond(manager, request, { ip = '', path } = {}) {
  const url = new URL(request.url)
  const target = path ?? url.pathname
  if (!PATHS.test(target)) return new Response('not found', { status: 404 })
  const body = request.body ? Buffer.from(await request.arrayBuffer()).subarray(0, MAX_BODY + 1) : Buffer.alloc(0)
  const headers = Object.fromEntries(request.headers)
  const [status, type, answer] = await call(manager, request.method, target, url.search.slice(1), ip, headers, body)
  return new Response(request.method === 'HEAD' ? null : answer, { status, headers: { 'content-type': type } })
}

module.exports = { fastify, handle, respond }
