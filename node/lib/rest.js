// The REST calls of docs/protocol.md inside other servers. The core answers, as on its own port.
'use strict'

const { WsManagerError } = require('./errors.js')

/** Bytes of a REST body that the core takes. No more than one byte over it is kept: enough for its own 413. */
const MAX_BODY = 1024 * 1024

/** The calls; a part that begins with a colon stands for any. */
const CALLS = [
  '/api/ws/stats',
  '/ws/stats',
  '/api/ws/connections',
  '/api/ws/health',
  '/api/ws/bans',
  '/api/ws/project/:project_id/subscribers',
  '/api/ws/broadcast',
  '/api/ws/history',
  '/metrics',
]

/** Those of the admin panel: docs/admin.md. */
const ADMIN_CALLS = [
  '/ws/admin',
  '/api/ws/admin/state',
  '/api/ws/admin/disconnect',
  '/api/ws/admin/ban',
  '/api/ws/admin/unban',
]

const pattern = (calls) => new RegExp(`^(?:${calls.map((path) => path.replace(/:\w+/g, '[^/]+')).join('|')})$`)
const PATHS = pattern([...CALLS, ...ADMIN_CALLS])
const ADMIN_PATHS = pattern(ADMIN_CALLS)

function split(url) {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

/** (req, res, next?) of node:http, Express and Connect. */
async function handle(manager, req, res, next) {
  const [path, query] = split(req.url)
  if (!PATHS.test(path)) return pass(res, next)
  return reply(manager, req, res, path, query, false)
}

/** The same with the admin panel alone, for whom `check` lets in. */
function adminHandler(manager, check) {
  mustBeCheck(check, 'adminHandler(check)')
  return async (req, res, next) => {
    const [path, query] = split(req.url)
    if (!ADMIN_PATHS.test(path)) return pass(res, next)
    try {
      if (!(await check(req))) {
        res.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end(NOT_LET_IN)
        return undefined
      }
    } catch (error) {
      if (!next) throw error
      return next(error)
    }
    return reply(manager, req, res, path, query, true)
  }
}

const NOT_LET_IN =
  "The application's check of the admin panel's callers has not let this one in. It does by returning something true."

function mustBeCheck(check, where) {
  if (typeof check !== 'function')
    throw new TypeError(`${where}: a function of the request that says whether its sender may use the admin panel`)
}

function pass(res, next) {
  if (next) return next()
  res.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('not found')
  return undefined
}

async function reply(manager, req, res, path, query, vouched) {
  const body = await bodyOf(req)
  const [status, headers, answer] = await call(manager, { ...told(req, path, query), body, vouched })
  res.statusCode = status
  for (const [name, value] of headers) res.setHeader(name, value)
  res.setHeader('content-length', answer.length)
  res.end(req.method === 'HEAD' ? undefined : answer)
  return undefined
}

/** What the core is told of a request: the socket's own address, and all header fields. The core knows whom to believe. */
function told(req, path, query) {
  const { method, socket, rawHeaders } = req
  return { method, path, query, ip: socket.remoteAddress ?? '', headers: rawHeaders, tls: Boolean(socket.encrypted) }
}

/**
 * [status, [[name, value], …] of header fields, body]. `headers`: names and values in turn. `vouched`: the host lets the caller
 * use the admin panel.
 */
async function call(manager, { method, path, query, ip, headers, body, tls, vouched = false }) {
  try {
    const [status, type, lines, answer] = await manager._rest(method, path, query, ip, headers, body, tls, vouched)
    const more = lines.split('\r\n').filter(Boolean)
    return [status, [['content-type', type], ...more.map((line) => line.split(/: (.*)/s, 2))], answer]
  } catch (error) {
    if (!(error instanceof WsManagerError)) throw error
    return [503, [['content-type', 'text/plain; charset=utf-8']], Buffer.from(error.message)]
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

/** Registers the calls in Fastify; with the option `admin`, a check, the admin panel for whom that lets in. */
function fastify(manager, app, { admin } = {}) {
  if (admin !== undefined) mustBeCheck(admin, 'fastifyPlugin, option admin')
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
  app.register(async (scope) => {
    // The core reads the body itself, whatever its type says.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY + 1 }, (request, body, done) =>
      done(null, body),
    )
    for (const url of [...CALLS, ...ADMIN_CALLS]) {
      const check = ADMIN_CALLS.includes(url) ? admin : undefined
      scope.route({
        method: methods,
        url,
        handler: async (request, answer) => {
          if (check && !(await check(request))) return answer.code(403).type('text/plain').send(NOT_LET_IN)
          const [path, query] = split(request.raw.url)
          const suffix = path.slice(app.prefix?.length ?? 0)
          const body = request.body ?? Buffer.alloc(0)
          const asked = { ...told(request.raw, suffix, query), body, vouched: !!check }
          const [status, fields, text] = await call(manager, asked)
          answer.code(status)
          for (const [name, value] of fields) answer.header(name, value)
          return answer.send(text)
        },
      })
    }
  })
}

/**
 * The Response to a Request of fetch's kind. `ip`: of the client, where the caller knows it; unknown is not loopback. `admin`: the
 * caller has found out that this client may use the admin panel.
 */
async function respond(manager, request, { ip = '', path, admin = false } = {}) {
  const url = new URL(request.url)
  const target = path ?? url.pathname
  if (!PATHS.test(target)) return new Response('not found', { status: 404 })
  const body = request.body ? Buffer.from(await request.arrayBuffer()).subarray(0, MAX_BODY + 1) : Buffer.alloc(0)
  const headers = [...request.headers].flat()
  const vouched = admin === true && ADMIN_PATHS.test(target)
  const asked = { method: request.method, path: target, query: url.search.slice(1), ip, headers, body }
  const [status, fields, answer] = await call(manager, { ...asked, tls: url.protocol === 'https:', vouched })
  return new Response(request.method === 'HEAD' ? null : answer, { status, headers: fields })
}

module.exports = { adminHandler, fastify, handle, respond }
