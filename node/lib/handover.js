// Sockets of Node's own servers that are given to the runtime: same port, and only what is ours.
'use strict'

const http = require('node:http')
const https = require('node:https')
const net = require('node:net')

const native = require('./native.js')
const { listed } = require('./config.js')
const { visible } = require('./log.js')

const ATTACHED = Symbol.for('ws_manager.attached')

/** Connections whose end somebody waits for: Runtime → number → function(ending). */
const ends = new WeakMap()

const ignore = () => {}

/** Takes the upgrades of `server` that match an endpoint of the manager. Once for each pair. */
function attach(manager, server) {
  if (typeof server?.emit !== 'function' || typeof server?.on !== 'function') {
    throw new TypeError('attach() wants a server of node:http or node:https')
  }
  manager._ready()
  if (!Object.hasOwn(server, ATTACHED)) Object.defineProperty(server, ATTACHED, { value: intercept(server) })
  server[ATTACHED].add(manager)
}

function detach(manager, server) {
  if (Object.hasOwn(server, ATTACHED)) server[ATTACHED].delete(manager)
}

/**
 * Sees the `upgrade` events of a server before all of its listeners: others (`ws` with a path, Socket.IO, Next.js) refuse what
 * they do not know, so that a listener beside theirs would come too late.
 */
function intercept(server) {
  const managers = new Set()
  wrap(server, managers)
  // Without a listener Node does not look at upgrades at all.
  server.on('upgrade', (req, socket) => leaveToRequest(server, req, socket))
  return managers
}

function wrap(target, managers) {
  const emit = target.emit
  target.emit = function (event, req, socket, head) {
    if (event === 'upgrade') {
      const manager = owner(managers, req)
      if (manager !== undefined) {
        upgrade(manager, req, socket, head)
        return true
      }
    }
    return emit.apply(this, arguments)
  }
}

/** Takes the matching upgrades of every server of this process that looks at upgrades, also of those that exist already. */
function attachAll(manager) {
  manager._ready()
  for (const type of [http.Server, https.Server]) {
    if (!Object.hasOwn(type.prototype, ATTACHED)) {
      const managers = new Set()
      wrap(type.prototype, managers)
      Object.defineProperty(type.prototype, ATTACHED, { value: managers })
    }
    type.prototype[ATTACHED].add(manager)
  }
}

/**
 * Upgrades that came before anybody could take them: Next.js listens while it still starts, and never answers those that it does not know.
 * Their clients would wait for their own time-out; so they are told to come again.
 */
function refuseUnanswered() {
  // There is no public list of a server's upgraded sockets.
  for (const socket of process._getActiveHandles?.() ?? []) {
    if (!(socket instanceof net.Socket) || socket.bytesWritten > 0 || socket.bytesRead === 0) continue
    const ours = socket.server instanceof http.Server || socket.server instanceof https.Server
    if (ours && !socket.parser) refuse(socket, 503, 'The server is starting; try again.')
  }
}

function owner(managers, req) {
  if (!/^websocket$/i.test(req.headers.upgrade ?? '')) return undefined
  const path = pathOf(req)
  for (const manager of managers) if (manager._match(path)) return manager
  return undefined
}

function pathOf(req) {
  const end = req.url.indexOf('?')
  return end < 0 ? req.url : req.url.slice(0, end)
}

/** An upgrade that nobody knows, where nobody but us listens: Node would have made an ordinary request of it. */
function leaveToRequest(server, req, socket) {
  if (server.listenerCount('upgrade') > 1) return
  req.upgrade = false
  socket.on('error', ignore)
  const res = new http.ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket)
  res.on('finish', () => {
    res.detachSocket(socket)
    socket.end()
  })
  server.emit('request', req, res)
}

function upgrade(manager, req, socket, head) {
  try {
    take(manager, req, socket, head, undefined)
  } catch (error) {
    manager.logger.error(`WebSocket ${manager._label(pathOf(req))} can't be served: ${visible(error.message)}`)
    refuse(socket, 503, error.message)
  }
}

function refuse(socket, status, sentence) {
  socket.on('error', ignore)
  const body = Buffer.from(sentence)
  const fields = `Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}`
  socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${fields}\r\n\r\n`)
  socket.end(body)
}

/**
 * Gives a socket to the runtime after the application's own checks. Errors are thrown, and the socket is the application's
 * then. Resolves when the client has gone: { clientId, code, reason }.
 */
function handOver(manager, req, socket, head, admission = {}) {
  const { userId, sessionId, clientId, skipOrigin = false } = admission
  const { rooms, publish, greeting = '', heartbeat = '' } = admission
  const decided = {
    admitted: true,
    skipOrigin: Boolean(skipOrigin),
    clientId: idText(clientId),
    userId: idText(userId),
    sessionId: idText(sessionId),
    rooms: listed(rooms),
    publish: listed(publish),
    greeting,
    heartbeat,
  }
  const { runtime, conn } = take(manager, req, socket, head, decided)
  return new Promise((resolve) => {
    let waiting = ends.get(runtime)
    if (waiting === undefined) ends.set(runtime, (waiting = new Map()))
    waiting.set(conn, resolve)
  })
}

function idText(value) {
  return value === undefined || value === null ? '' : String(value)
}

/** The runtime says that a connection has ended. */
function closed(runtime, conn, code, reason) {
  const waiting = ends.get(runtime)
  const resolve = waiting?.get(conn)
  if (resolve === undefined) return
  waiting.delete(conn)
  resolve({ code, reason })
}

/** Gives a connection to the runtime: its socket where that is possible, else one that a relay feeds. */
function take(manager, req, socket, head, admission) {
  const runtime = manager._ready()
  const plain = socket instanceof net.Socket && !socket.encrypted && socket._handle?.fd >= 0
  const conn = plain ? give(runtime, req, socket, head, admission) : relay(runtime, req, socket, head, admission)
  return { runtime, conn }
}

/**
 * The hand-over. All of it happens in one turn of the event loop: the runtime gets a descriptor of its own, and Node closes
 * its without a word on the wire (destroy(), never end(), which would send a FIN through both).
 */
function give(runtime, req, socket, head, admission) {
  const handle = socket._handle
  handle.readStop()
  const copy = native.dupFd(handle.fd)
  let conn
  try {
    conn = runtime.adopt(copy, requestBytes(req, socket, head), admission)
  } catch (error) {
    native.closeFd(copy)
    handle.readStart()
    throw error
  }
  socket.on('error', ignore)
  socket.destroy()
  return conn
}

/**
 * TLS that Node ends (and streams that are no sockets): the runtime gets one end of a socket pair, and Node pumps between the
 * other and the client. All that is said about the connection is the runtime's affair as well here.
 */
function relay(runtime, req, socket, head, admission) {
  const [ours, theirs] = native.socketPair()
  let conn
  try {
    const told = { ...admission, ip: socket.remoteAddress ?? '', tls: Boolean(socket.encrypted) }
    conn = runtime.adopt(theirs, requestBytes(req, socket, head), told)
  } catch (error) {
    native.closeFd(ours)
    native.closeFd(theirs)
    throw error
  }
  const local = new net.Socket({ fd: ours })
  local.on('error', () => socket.destroy())
  socket.on('error', () => local.destroy())
  local.on('close', () => socket.destroySoon?.() ?? socket.end())
  socket.on('close', () => local.destroy())
  local.pipe(socket)
  socket.pipe(local)
  return conn
}

/** The request as it came, and what followed it: Node has read both. */
function requestBytes(req, socket, head) {
  let text = `${req.method} ${req.url} HTTP/${req.httpVersion}\r\n`
  for (let i = 0; i < req.rawHeaders.length; i += 2) text += `${req.rawHeaders[i]}: ${req.rawHeaders[i + 1]}\r\n`
  const parts = [Buffer.from(`${text}\r\n`, 'latin1')]
  if (head?.length > 0) parts.push(head)
  // What came while the application was thinking.
  for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) parts.push(chunk)
  return Buffer.concat(parts)
}

module.exports = { attach, attachAll, closed, detach, handOver, refuseUnanswered }
