// The sending calls of a manager: they encode, say where a message goes, and return a Receipt.
'use strict'

const native = require('./native.js')
const { InvalidArgument } = require('./errors.js')
const encode = require('./encode.js')
const { EventMethods } = require('./events.js')

const { TO_AUTO, TO_ALL, TO_ROOM, TO_PROJECT, TO_USER, TO_SESSION, TO_CLIENT } = native
const PRIORITIES = { critical: native.CRITICAL, normal: native.NORMAL, low: native.LOW }
const OPTIONS = ['room', 'priority', 'conflate', 'maxRate', 'max_rate', 'history', 'level', 'exclude', 'report', 'once']

class Sending extends EventMethods {
  /** @internal The option `encoder`. */
  _encoder = undefined

  // ---- events in an envelope ----

  /** @internal Every notify… helper ends here. */
  _notify(type, data, options) {
    const payload = encode.data(data, this._encoder)
    if (options === undefined) return this._publish(TO_AUTO, undefined, type, payload)
    return this._publishWith(TO_AUTO, undefined, type, payload, 0, options)
  }

  notify(type, data, options) {
    const payload = encode.data(data, this._encoder)
    if (options === undefined) return this._publish(TO_AUTO, undefined, String(type), payload)
    const own = {}
    const members = []
    for (const [name, value] of Object.entries(options)) {
      if (OPTIONS.includes(name)) own[name] = value
      else if (value !== undefined) members.push(name, encode.dumps(value, name, this._encoder))
    }
    return this._publishWith(TO_AUTO, undefined, String(type), payload, 0, own, members)
  }

  sendToProject(projectId, type, data, options) {
    const to = ids(projectId, 'projectId')
    if (data === undefined) return this._send(TO_PROJECT, to, type, options)
    return this._publishWith(TO_PROJECT, to, String(type), encode.data(data, this._encoder), 0, options ?? {})
  }

  // ---- messages as they are ----

  broadcast(message, options) {
    if (typeof options === 'string' || Array.isArray(options)) options = { exclude: options }
    return this._send(TO_ALL, undefined, message, options)
  }

  sendToRoom(room, message, options) {
    return this._send(TO_ROOM, room, message, options)
  }

  publishToChannel(channel, message, options) {
    return this._send(TO_ROOM, channel, message, options)
  }

  sendToUser(userId, message, options) {
    return this._send(TO_USER, ids(userId, 'userId'), message, options)
  }

  sendPersonalMessage(message, userId, options) {
    return this._send(TO_USER, ids(userId, 'userId'), message, options)
  }

  sendToSession(sessionId, message, options) {
    return this._send(TO_SESSION, ids(sessionId, 'sessionId'), message, options)
  }

  sendToClient(clientId, message, options) {
    return this._send(TO_CLIENT, ids(clientId, 'clientId'), message, options)
  }

  // ---- how ----

  /** @internal */
  _send(target, to, message, options) {
    if (typeof message === 'string') return this._dispose(target, to, message, 0, options)
    const binary = typeof message === 'object' ? encode.bytes(message) : undefined
    if (binary !== undefined) return this._dispose(target, to, binary, native.PUBLISH_BINARY, options)
    return this._dispose(target, to, encode.dumps(message, 'message', this._encoder), 0, options)
  }

  /** @internal */
  _dispose(target, to, payload, flags, options) {
    if (options === undefined && flags === 0) return this._publish(target, to, undefined, payload)
    return this._publishWith(target, to, undefined, payload, flags, options ?? {})
  }

  /** @internal */
  _publishWith(target, to, type, payload, flags, options, members) {
    let key, rate, priority, level, exclude, once
    for (const name in options) {
      const value = options[name]
      if (value === undefined || value === null) continue
      switch (name) {
        case 'room':
          target = value === '@all' ? TO_ALL : TO_ROOM
          to = value === '@all' ? undefined : value
          break
        case 'exclude':
          exclude = ids(value, 'exclude')
          break
        case 'conflate':
          key = value
          break
        case 'maxRate':
        case 'max_rate':
          rate = checkedRate(value)
          break
        case 'priority':
          priority = checkedPriority(value)
          break
        case 'level':
          level = checkedLevel(value)
          break
        case 'report':
          if (value) flags |= native.PUBLISH_REPORT
          break
        case 'once':
          once = checkedOnce(value)
          break
        case 'history':
          if (!value) flags |= native.PUBLISH_NO_HISTORY
          break
        default:
          throw new TypeError(`'${name}' is no option of a sending call; those are ${OPTIONS.join(', ')}`)
      }
    }
    return this._publish(target, to, type, payload, key, rate, priority, level, exclude, members, flags, once)
  }
}

/** Ids as text: applications have numbers for users, too. */
function ids(value, what) {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map((item) => oneId(item, what))
  if (value instanceof Set) return Array.from(value, (item) => oneId(item, what))
  return oneId(value, what)
}

function oneId(value, what) {
  if (typeof value === 'string') return value
  if (Number.isSafeInteger(value) || typeof value === 'bigint') return String(value)
  throw new TypeError(`${what} must be a string (or a whole number), not ${describe(value)}`)
}

function describe(value) {
  return typeof value === 'object' && value !== null
    ? `an object of class ${value.constructor?.name ?? 'null'}`
    : String(value)
}

function checkedOnce(value) {
  const text = oneId(value, 'once')
  if (text === '') throw new InvalidArgument('once is empty: leave it out (or undefined) where there is no id')
  return text
}

function checkedRate(value) {
  if (typeof value === 'number' && value > 0 && value < Infinity) return value
  throw new InvalidArgument(`maxRate must be a positive number (messages per second and key), not ${describe(value)}`)
}

function checkedPriority(value) {
  if (Object.hasOwn(PRIORITIES, value)) return PRIORITIES[value]
  throw new InvalidArgument(`priority must be "critical", "normal" or "low", not ${describe(value)}`)
}

function checkedLevel(value) {
  const number = typeof value === 'string' ? native.levelParse(value) : -1
  if (number >= 0) return number
  const levels = '"debug", "info", "success", "warning", "error" or "critical"'
  throw new InvalidArgument(`level must be ${levels}, not ${describe(value)}`)
}

module.exports = { Sending, oneId }
