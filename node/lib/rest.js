// The REST calls of docs/protocol.md inside other servers. The core answers, as on its own port.
'use strict'

const { prefixAt } = require('./attach.js')
const { CallRefused, asked: askedOf, identityOf } = require('./identity.js')
const native = require('./native.js')

/** Bytes of a REST body that the core takes. No more than one byte over it is kept: enough for its own 413. */
const { REST_BODY_MAX } = native

/** The calls of the core's table, and of those the admin panel's; a part that begins with a colon stands for any. */
const routes = native.restRoutes().map(([, , path, , caller]) => ({ path: path.replace(/\{(\w+)\}/g, ':$1'), caller }))
const CALLS = routes.map(({ path }) => path)
const ADMIN_CALLS = routes.filter(({ caller }) => caller === 'admin').map(({ path }) => path)

const pattern = (calls) => new RegExp(`^(?:${calls.map((path) => path.replace(/:\w+/g, '[^/]+')).join('|')})$`)
const PATHS = pattern(CALLS)
const ADMIN_PATHS = pattern(ADMIN_CALLS)

function split(url) {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

/**
 * Path and query of a request, without what the application has put before ours: where a router is mounted (Express and Connect cut
 * that off), or the prefix of attach() on this server. '' where a prefix is set and missing.
 */
function target(manager, req) {
  const { url, originalUrl = url } = req
  const prefix = prefixAt(manager, req.socket?.server)
  if (prefix === '') return split(url)
  if (originalUrl.startsWith(`${prefix}/`)) return split(originalUrl.slice(prefix.length))
  return originalUrl === url ? ['', ''] : split(url)
}

/** Of each connection, the calls that wait for their turn; the first one has it. */
const turns = new WeakMap()

/**
 * Node parses all requests of a packet and asks for each at once: the answers of a client that does not read would lie in memory. So
 * each waits until the one before it has gone out. False: the connection has ended meanwhile. In HTTP/2 each stream has its window.
 */
async function turn(req, res) {
  const { socket } = req
  if (req.httpVersionMajor !== 1 || typeof socket?.once !== 'function') return true
  if (socket.destroyed) return false
  if (!turns.has(socket)) {
    turns.set(socket, [])
    socket.once('close', () => turns.get(socket).forEach((wake) => wake(false)))
  }
  const queue = turns.get(socket)
  return new Promise((wake) => {
    queue.push(wake)
    res.once('close', () => {
      const at = queue.indexOf(wake)
      if (at >= 0) queue.splice(at, 1)
      queue[0]?.(!socket.destroyed)
    })
    queue[0](true)
  })
}

/** (req, res, next?) of node:http, Express and Connect. `given`: who calls, or a function of the request that finds out. */
async function handle(manager, req, res, next, given) {
  const [path, query] = target(manager, req)
  if (!PATHS.test(path)) return pass(res, next)
  return reply(manager, req, res, next, { path, query, given })
}

/** The same with the admin panel alone, for whom `check` lets in. */
function adminHandler(manager, check) {
  mustBeCheck(check, 'adminHandler(check)')
  return async (req, res, next) => {
    const [path, query] = target(manager, req)
    if (!ADMIN_PATHS.test(path)) return pass(res, next)
    try {
      if (!(await check(req))) return sentence(res, 403, NOT_LET_IN)
    } catch (error) {
      return failed(manager, res, next, path, error)
    }
    return reply(manager, req, res, next, { path, query, vouched: true })
  }
}

const NOT_LET_IN =
  "The application's check of the admin panel's callers has not let this one in. It does by returning something true."

function mustBeCheck(check, where) {
  if (typeof check !== 'function')
    throw new TypeError(`${where}: a function of the request that says whether its sender may use the admin panel`)
}

function pass(res, next) {
  return next ? next() : sentence(res, 404, 'not found')
}

function sentence(res, status, text) {
  res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

/**
 * What nobody foresaw goes to the application's error handler, or to its log: a rejection that nobody takes would end the process,
 * and who sends requests could bring it about.
 */
function failed(manager, res, next, path, error) {
  if (next) return next(error)
  manager.logger.error(`the call ${path} failed`, error)
  if (res.headersSent) return res.destroy()
  return sentence(res, 500, 'The server could not answer this call; its log says why.')
}

async function reply(manager, req, res, next, { path, query, given, vouched }) {
  try {
    if (!(await turn(req, res))) return undefined // whoever asked has gone
    const body = await bodyOf(req)
    if (body === null) return undefined // or goes
    const asked = { ...told(req), path, query, body, given, vouched }
    const [status, fields, answer] = await call(manager, asked, req)
    res.statusCode = status
    for (const [name, value] of fields) res.setHeader(name, value)
    res.setHeader('content-length', answer.length)
    res.end(req.method === 'HEAD' ? undefined : answer)
    return undefined
  } catch (error) {
    return failed(manager, res, next, path, error)
  }
}

/** What a request is by itself: the socket's own address, and all header fields. The core knows whom to believe. */
function told({ method, socket, headers, rawHeaders }) {
  return { method, ip: socket.remoteAddress ?? '', headers, rawHeaders, tls: Boolean(socket.encrypted) }
}

/**
 * [status, [[name, value], …] of header fields, body]. `asked`: { method, path, query, ip, headers, rawHeaders, body, tls, given, vouched },
 * of which `rawHeaders` are names and values in turn, and `vouched` says that the host lets the caller use the admin panel. `req`: the
 * server's own request.
 */
async function call(manager, asked, req) {
  let identity
  try {
    identity = await identityOf(manager, asked.given, asked, req)
    const answer = await answerOf(manager, asked, identity, !identity && Boolean(manager._authenticator))
    if (answer[0] !== 0) return answer
    identity = await askedOf(manager, String(answer[2]))
    return await answerOf(manager, asked, identity)
  } catch (error) {
    const status = error instanceof CallRefused ? error.status : UNAVAILABLE.has(error.code) ? 503 : 0
    if (!status) throw error
    return [status, [['content-type', 'text/plain; charset=utf-8']], Buffer.from(error.message)]
  }
}

/** Errors of the core that mean: later, or elsewhere. */
const UNAVAILABLE = new Set(['not_running', 'overloaded', 'timeout', 'out_of_memory'])

async function answerOf(
  manager,
  { method, path, query, ip, rawHeaders, body, tls, vouched = false },
  identity,
  asks = false,
) {
  const asked = [method, path, query, ip, rawHeaders, body, tls, vouched, identity, asks]
  const [status, type, lines, answer] = await manager._rest(...asked)
  const more = lines.split('\r\n').filter(Boolean)
  return [status, [['content-type', type], ...more.map((line) => line.split(/: (.*)/s, 2))], answer]
}

/** The body of a request, up to one byte over REST_BODY_MAX; also one that a body parser has read before. null: its sender has gone. */
async function bodyOf(req) {
  if (req.body !== undefined && req.readableEnded) return parsed(req.body)
  const chunks = []
  let size = 0
  try {
    for await (const chunk of req) {
      if (size > REST_BODY_MAX) continue
      const bytes = Buffer.from(chunk)
      chunks.push(bytes)
      size += bytes.length
    }
  } catch (error) {
    if (req.complete) throw error
    return null
  }
  return Buffer.concat(chunks).subarray(0, REST_BODY_MAX + 1)
}

/** The same of a Request of fetch's kind. The rest of a body that is too large is not read. */
async function bodyOfFetch(request) {
  if (request.body === null) return Buffer.alloc(0)
  if (request.bodyUsed) throw new TypeError('the body of this request has been read: give fetch() a request.clone()')
  const reader = request.body.getReader()
  const chunks = []
  try {
    for (let size = 0; size <= REST_BODY_MAX;) {
      const { done, value } = await reader.read()
      if (done) break
      chunks.push(value)
      size += value.length
    }
  } catch {
    return null
  }
  reader.cancel().catch(() => {})
  return Buffer.concat(chunks).subarray(0, REST_BODY_MAX + 1)
}

function parsed(body) {
  if (body instanceof Uint8Array) return body
  return Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''))
}

/**
 * Registers the calls in Fastify; with the option `admin`, a check, the admin panel for whom that lets in. `identify`: a function of
 * the request that says who calls.
 */
function fastify(manager, app, { admin, identify } = {}) {
  if (identify !== undefined && typeof identify !== 'function')
    throw new TypeError('fastifyPlugin, option identify: a function of the request that says who calls')
  if (identify !== undefined) manager._checked('the option identify of fastifyPlugin')
  if (admin !== undefined) mustBeCheck(admin, 'fastifyPlugin, option admin')
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
  app.register(async (scope) => {
    // The core reads the body itself, whatever its type says.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: REST_BODY_MAX + 1 }, (request, body, done) =>
      done(null, body),
    )
    for (const url of CALLS) {
      const check = ADMIN_CALLS.includes(url) ? admin : undefined
      scope.route({
        method: methods,
        url,
        handler: async (request, answer) => {
          if (!(await turn(request.raw, answer.raw))) return answer.hijack()
          if (check && !(await check(request))) return answer.code(403).type('text/plain').send(NOT_LET_IN)
          const [path, query] = split(request.raw.url)
          const suffix = path.slice(app.prefix?.length ?? 0)
          const body = request.body ?? Buffer.alloc(0)
          const asked = { ...told(request.raw), path: suffix, query, body, given: identify, vouched: !!check }
          const [status, fields, text] = await call(manager, asked, request)
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
 * caller has found out that this client may use the admin panel. `userId`, `rooms`, `subscribe`: who calls, where that was found out.
 * `rawHeaders`: as they came, where the server between has added some of its own.
 */
async function respond(manager, request, { ip = '', path, admin = false, rawHeaders, ...given } = {}) {
  const url = new URL(request.url)
  const place = path ?? url.pathname
  if (!PATHS.test(place)) return new Response('not found', { status: 404 })
  const body = await bodyOfFetch(request)
  if (body === null) return new Response('The body of the request ended early.', { status: 400 })
  const known = Object.keys(given).length > 0
  if (known) manager._checked('a call of fetch() that says who calls')
  const asked = {
    method: request.method,
    path: place,
    query: url.search.slice(1),
    ip,
    headers: Object.fromEntries(request.headers),
    rawHeaders: rawHeaders ?? [...request.headers].flat(),
    tls: url.protocol === 'https:',
    body,
    given: known ? given : undefined,
    vouched: admin === true && ADMIN_PATHS.test(place),
  }
  const [status, fields, answer] = await call(manager, asked, request)
  return new Response(request.method === 'HEAD' ? null : answer, { status, headers: fields })
}

module.exports = { adminHandler, fastify, handle, respond }
