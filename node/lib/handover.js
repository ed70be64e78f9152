// One socket of Node's that becomes the runtime's, with what the application has decided about it, or is still to decide.
'use strict'

const net = require('node:net')

const native = require('./native.js')
const {
  INTERNAL_ERROR,
  BAD_REQUEST,
  MORE,
  NOT_LET_IN,
  decision,
  idText,
  misled,
  refusal,
  wordsOf,
} = require('./admission.js')
const encode = require('./encode.js')
const { InvalidRoom, WsManagerError } = require('./errors.js')
const { admit, answer } = require('./entrance.js')
const { decoded, routeLabel, visible } = require('./log.js')
const { refuse } = require('./refusal.js')

/** Connections that were handed over, until they end: Runtime → number → { resolve, ask, words }. */
const guests = new WeakMap()

const ignore = () => {}

/**
 * Gives a socket to the runtime: after the application's own checks, or before, with a function that makes them. Resolves when the
 * client has gone: { code, reason }.
 */
function handOver(manager, req, socket, head, admission, how = {}) {
  manager._checked("the application's own call of handOver()")
  if (gone(socket)) return Promise.resolve({ code: 1006, reason: 'the client had gone before it was handed over' })
  if (typeof admission === 'function') return handOverAsking(manager, req, socket, head, admission, how)
  // The client hears it from the runtime, so that a browser can see it, and the log has it: thrown where upgrades are listened for, it
  // would end the process, and who knows what of a decision is a client's.
  const refused = (error) => handOverAsking(manager, req, socket, head, () => Promise.reject(error))
  try {
    if (admission === null || admission === false) return handOverAsking(manager, req, socket, head, () => null, how)
    const given = admittedBy(admission)
    const sentence = misled(given, wordsOfRequest(req))
    if (sentence) return refused(Object.assign(new Error(sentence), { code: BAD_REQUEST }))
    return taken(manager, req, socket, head, toldOf(manager, given), { state: given.state })
  } catch (error) {
    const ours = error instanceof WsManagerError && !(error instanceof InvalidRoom)
    return ours ? cannotServe(manager, req, socket, error) : refused(error)
  }
}

/** What the runtime is told of a decision. */
function toldOf(manager, { clientId, skipOrigin = false, greeting = '', heartbeat = '', raw = false, ...decided }) {
  return {
    ...decided,
    admitted: true,
    skipOrigin: Boolean(skipOrigin),
    clientId: idText(clientId),
    greeting,
    heartbeat,
    raw: Boolean(raw),
    welcome: encode.welcome(decided.welcome, manager._encoder),
  }
}

function admittedBy(admission) {
  if (typeof admission !== 'object')
    throw new TypeError('handOver(): what was decided must be an object, or a function that decides')
  return decision(admission, 'handOver()', MORE)
}

/**
 * The runtime has the socket while the check thinks. It watches over it and bounds the time (auth_timeout): clients that reset, go
 * or say something meanwhile are its affair, and nothing that they do reaches the application.
 */
function handOverAsking(manager, req, socket, head, check, how = {}) {
  const { clientId, skipOrigin = false, greeting = '', heartbeat = '', raw = false } = how
  const told = {
    admitted: true,
    ask: true,
    skipOrigin: Boolean(skipOrigin),
    clientId: idText(clientId),
    greeting,
    heartbeat,
    raw: Boolean(raw),
  }
  try {
    return taken(manager, req, socket, head, told, { ask: () => check(req), words: wordsOfRequest(req), url: how.url })
  } catch (error) {
    return cannotServe(manager, req, socket, error)
  }
}

/** Without a runtime, or a descriptor: the client is told to come again, and nothing is thrown at whoever listens for upgrades. */
function cannotServe(manager, req, socket, error) {
  manager._seldom('unserved', 'error', `WebSocket ${labelOf(manager, req)} can't be served: ${visible(error.message)}`)
  refuse(manager, socket, 503, error.message)
  return Promise.resolve({ code: INTERNAL_ERROR, reason: error.message })
}

/** What the client has chosen: parameters and query, and where nothing says which parts are parameters, every part of the path. */
function wordsOfRequest(req) {
  const [path, search = ''] = req.url.split(/\?(.*)/s)
  return wordsOf(req.params ?? path.split('/').map(decoded), search, req.headers)
}

/** The path for the log. */
function labelOf(manager, req) {
  const path = pathOf(req)
  if (req.params === undefined) return manager._label(path)
  return routeLabel(path, req.params, manager._takesTokens || Boolean(manager._authenticator))
}

function pathOf(req) {
  const end = req.url.indexOf('?')
  return end < 0 ? req.url : req.url.slice(0, end)
}

function gone(socket) {
  return socket.destroyed || (socket instanceof net.Socket && !socket.encrypted && !(socket._handle?.fd >= 0))
}

function taken(manager, req, socket, head, admission, guest) {
  const { runtime, conn } = take(manager, req, socket, head, admission, guest.url)
  manager._states.keep(conn, guest.state)
  return new Promise((resolve) => {
    let waiting = guests.get(runtime)
    if (waiting === undefined) guests.set(runtime, (waiting = new Map()))
    waiting.set(conn, { resolve, ...guest })
  })
}

/** The runtime says that a connection has ended. */
function closed(runtime, conn, code, reason) {
  const waiting = guests.get(runtime)
  const guest = waiting?.get(conn)
  if (guest === undefined) return
  waiting.delete(conn)
  guest.resolve({ code, reason })
}

/** The runtime has a connection that was handed over to be decided about, and asks. */
async function decide(manager, runtime, conn, ticket) {
  const guest = guests.get(runtime)?.get(conn)
  const refused = (code, reason) => answer(manager, runtime, ticket, { allow: false, code, reason })
  if (guest?.ask === undefined) return refused(INTERNAL_ERROR, 'Nobody decides about this connection any more.')
  try {
    const decided = decision(await guest.ask(), "an endpoint's check")
    if (decided === null) return refused(NOT_LET_IN, 'The application did not accept the connection.')
    return admit(manager, runtime, conn, ticket, decided, guest.words)
  } catch (error) {
    const meant = refusal(error)
    if (meant !== undefined) return refused(meant.code, meant.reason)
    manager.logger.error('the check of a WebSocket failed', error)
    return refused(INTERNAL_ERROR, 'The check of this endpoint failed.')
  }
}

/**
 * Gives a connection to the runtime: its socket where that is possible, else one that a relay feeds. `url`: what the runtime is to see.
 * After an error the socket is the caller's, who can only refuse.
 */
function take(manager, req, socket, head, admission, url = req.url) {
  const runtime = manager._ready()
  const plain = socket instanceof net.Socket && !socket.encrypted && socket._handle?.fd >= 0
  const late = [] // what came while the application was thinking
  for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) late.push(chunk)
  const bytes = Buffer.concat([headBytes(req, url, req.rawHeaders), head ?? Buffer.alloc(0), ...late])
  return { runtime, conn: (plain ? give : relay)(runtime, socket, bytes, admission) }
}

/**
 * The hand-over. All of it happens in one turn of the event loop: the runtime gets a descriptor of its own, and Node closes
 * its without a word on the wire (destroy(), never end(), which would send a FIN through both).
 */
function give(runtime, socket, bytes, admission) {
  const handle = socket._handle
  // Node remembers what it has looked up: checks that are made later can read the addresses still.
  void [socket.remoteAddress, socket.localAddress]
  handle.readStop()
  const copy = native.dupFd(handle.fd)
  let conn
  try {
    conn = runtime.adopt(copy, bytes, admission)
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
function relay(runtime, socket, bytes, admission) {
  const [ours, theirs] = native.socketPair()
  let conn
  try {
    const told = { ...admission, ip: socket.remoteAddress ?? '', tls: Boolean(socket.encrypted) }
    conn = runtime.adopt(theirs, bytes, told)
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

/** The head of a request as it came, but for what is said here. */
function headBytes(req, url, headers) {
  let text = `${req.method} ${url} HTTP/${req.httpVersion}\r\n`
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  return Buffer.from(`${text}\r\n`, 'latin1')
}

module.exports = { cannotServe, closed, decide, handOver, handOverAsking, headBytes, pathOf, take }
