// Upgrades of Node's own servers: which of them are ours, and what becomes of the others.
'use strict'

const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const tls = require('node:tls')

const { cannotServe, handOverAsking, headBytes, pathOf, take } = require('./handover.js')
const { compiled, matched } = require('./paths.js')
const { refuse } = require('./refusal.js')

const ATTACHED = Symbol.for('ws_manager.attached')

const OPTIONS = ['prefix', 'endpoints', 'defaults', 'shared', 'signals']
const ENDPOINT_OPTIONS = ['check', 'greeting', 'heartbeat', 'raw', 'skipOrigin']

const ignore = () => {}

/** Takes the upgrades of `server` that match an endpoint of the manager. Again for the same pair: with other options from now on. */
function attach(manager, server, options) {
  if (typeof server?.emit !== 'function' || typeof server?.on !== 'function') {
    throw new TypeError('attach() wants a server of node:http or node:https')
  }
  const place = placeOf(options)
  if (place.endpoints.length > 0) {
    manager._checked(`an endpoint with a check of its own: ${place.endpoints.map(({ path }) => path).join(', ')}`)
  }
  manager._ready()
  tell(manager, place)
  if (!Object.hasOwn(server, ATTACHED)) Object.defineProperty(server, ATTACHED, { value: intercept(server) })
  server[ATTACHED].set(manager, place)
  if (place.signals) manager._drainAtSignals()
}

/** A line of the start: which endpoints exist, where, and who comes in. */
function tell(manager, { prefix, endpoints, defaults }) {
  const listed = (paths) => paths.map((path) => prefix + path).join(', ')
  const checks = endpoints.length === 1 ? 'whom its check lets in' : 'whom the check of each lets in'
  const others = manager._endpoints(!defaults)
  const rows = []
  if (endpoints.length > 0) rows.push(`${listed(endpoints.map(({ path }) => path))} (${checks})`)
  if (others.length > 0) rows.push(`${listed(others)} (${whoEnters(manager)})`)
  manager.logger.info(`endpoints of attach(): ${rows.join('; ') || 'none'}`)
}

function whoEnters(manager) {
  const ways = []
  if (manager._takesTokens) ways.push('who has a good token')
  if (manager._authenticator) ways.push('whom the authenticate handler lets in')
  return ways.join(', or ') || 'anyone'
}

function detach(manager, server) {
  if (Object.hasOwn(server, ATTACHED)) server[ATTACHED].delete(manager)
}

/** The options of attach(), checked: what is spelled wrong would else be open, or closed, and nobody knew. */
function placeOf(options = {}) {
  known(options, OPTIONS, 'attach()')
  const { prefix = '', endpoints = {}, defaults = true, shared = false, signals = true } = options
  for (const [name, value] of Object.entries({ defaults, shared, signals }))
    if (typeof value !== 'boolean') throw new TypeError(`attach(): ${name} must be true or false`)
  return { prefix: prefixOf(prefix), endpoints: Object.entries(endpoints).map(endpointOf), defaults, shared, signals }
}

function prefixOf(prefix) {
  if (typeof prefix !== 'string' || (prefix !== '' && !/^(\/[^/?#]+)+\/?$/.test(prefix)))
    throw new TypeError(`attach(): prefix must be the beginning of a path, as '/shop', not ${JSON.stringify(prefix)}`)
  return prefix.replace(/\/$/, '')
}

function endpointOf([path, given]) {
  const endpoint = typeof given === 'function' ? { check: given } : given
  if (typeof endpoint?.check !== 'function') {
    throw new TypeError(
      `attach(): the endpoint ${path} must be a function of the request that says who comes in, or { check, … } with one`,
    )
  }
  known(endpoint, ENDPOINT_OPTIONS, `attach(), endpoint ${path}`)
  for (const name of ['greeting', 'heartbeat']) {
    if (endpoint[name] !== undefined && typeof endpoint[name] !== 'string')
      throw new TypeError(`attach(), endpoint ${path}: ${name} must be the type of a message, as a string`)
  }
  return { ...endpoint, path, pattern: compiled(path) }
}

function known(options, names, where) {
  const unknown = Object.keys(options).filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new TypeError(`${where} knows no ${unknown.join(', ')}; it knows ${names.join(', ')}`)
}

/**
 * Sees the `upgrade` events of a server before all of its listeners: others (`ws` with a path, Socket.IO, Next.js) refuse what
 * they do not know, so that a listener beside theirs would come too late.
 */
function intercept(server) {
  const managers = new Map()
  wrap(server, managers)
  // Without a listener Node does not look at upgrades at all.
  server.on('upgrade', (req, socket, head) => leaveToRequest(server, req, socket, head))
  return managers
}

function wrap(target, managers) {
  const emit = target.emit
  target.emit = function (event, req, socket, head) {
    if (event === 'upgrade') {
      const found = owner(managers, req)
      if (found !== undefined) {
        if (Object.hasOwn(this, ATTACHED)) warnOfOthers(this, found, req)
        upgrade(found, req, socket, head)
        return true
      }
    } else if (event === 'request') {
      for (const { onRequest } of managers.values()) onRequest?.(req, socket) // (req, res)
    }
    return emit.apply(this, arguments)
  }
}

/** Takes the matching upgrades of every server of this process that looks at upgrades, also of those that exist already. `onRequest`
 * is called with each request and its answer before anybody else. */
function attachAll(manager, { onRequest, ...options }) {
  const place = { ...placeOf(options), onRequest }
  if (place.endpoints.length > 0) manager._checked('an endpoint with a check of its own')
  manager._ready()
  tell(manager, place)
  for (const type of [http.Server, https.Server]) {
    if (!Object.hasOwn(type.prototype, ATTACHED)) {
      const managers = new Map()
      wrap(type.prototype, managers)
      Object.defineProperty(type.prototype, ATTACHED, { value: managers })
    }
    type.prototype[ATTACHED].set(manager, place)
  }
}

/** The prefix under which a manager's paths are on a server; '' where it is not attached there. */
function prefixAt(manager, server) {
  return server?.[ATTACHED]?.get(manager)?.prefix ?? ''
}

/**
 * Upgrades that came before anybody could take them: Next.js listens while it still starts, and never answers those that it does not know.
 * Their clients would wait for their own time-out; so they are told to come again.
 */
function refuseUnanswered(manager) {
  // There is no public list of a server's upgraded sockets.
  for (const socket of process._getActiveHandles?.() ?? []) {
    if (!(socket instanceof net.Socket) || socket.bytesWritten > 0 || socket.bytesRead === 0) continue
    const ours = socket.server instanceof http.Server || socket.server instanceof https.Server
    if (ours && !socket.parser) refuse(manager, socket, 503, 'The server is starting; try again.')
  }
}

/** Whose an upgrade is: { manager, place, endpoint, params, url }; `url` is without the prefix. */
function owner(managers, req) {
  if (!/^websocket$/i.test(req.headers.upgrade ?? '')) return undefined
  for (const [manager, place] of managers) {
    if (!req.url.startsWith(place.prefix)) continue
    const url = req.url.slice(place.prefix.length)
    const path = pathOf({ url })
    const found = { manager, place, url }
    for (const endpoint of place.endpoints) {
      const params = matched(endpoint.pattern, path)
      if (params !== undefined) return { ...found, endpoint, params }
    }
    if (manager._match(path) && (place.defaults || manager._added(path))) return found
  }
  return undefined
}

function upgrade({ manager, endpoint, params, url }, req, socket, head) {
  if (endpoint !== undefined) {
    req.params = params
    void handOverAsking(manager, req, socket, head, endpoint.check, { ...endpoint, url })
    return
  }
  try {
    take(manager, req, socket, head, undefined, url)
  } catch (error) {
    void cannotServe(manager, req, socket, error)
  }
}

/** Once for each server: a path that another listener serves as well would be ours, and nothing else would show it. */
function warnOfOthers(server, { manager, place }, req) {
  if (place.shared || server.listenerCount('upgrade') < 2) return
  place.shared = true
  manager.logger.warn(
    `${manager._label(pathOf(req))} was taken as an endpoint of ws_manager, and this server has other listeners for 'upgrade' (ws, Socket.IO, a ` +
      'framework): they do not see the paths that are ours. If one of them serves such a path, move ours by attach(server, { prefix }), ' +
      'or leave the built-in ones out by { defaults: false }. If all is as it should be, say so by { shared: true }.',
  )
}

/**
 * An upgrade that nobody knows, where nobody but us listens: Node would have made an ordinary request of it, with its body and all that
 * follows. It does so now, from what it has read, once nothing asks for an upgrade any more.
 */
function leaveToRequest(server, req, socket, head) {
  if (server.listenerCount('upgrade') > 1) return
  const again = () => {
    if (socket.destroyed) return
    socket.off('error', ignore)
    socket.unshift(Buffer.concat([headBytes(req, req.url, withoutUpgrade(req.rawHeaders)), head]))
    server.emit(server instanceof tls.Server ? 'secureConnection' : 'connection', socket)
  }
  const before = socket._httpMessage // the answer to a request that came before this one on the same connection
  if (!before) return again()
  socket.on('error', ignore)
  before.once('finish', again)
}

function withoutUpgrade(headers) {
  const kept = []
  for (let i = 0; i < headers.length; i += 2) {
    let value = headers[i + 1]
    if (headers[i].toLowerCase() === 'connection') {
      const names = value.split(',').map((name) => name.trim())
      value = names.filter((name) => name.toLowerCase() !== 'upgrade').join(', ')
    }
    if (value !== '' || headers[i + 1] === '') kept.push(headers[i], value)
  }
  return kept
}

module.exports = { attach, attachAll, detach, prefixAt, refuseUnanswered }
