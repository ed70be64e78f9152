// The application's handlers: who is called for what, and what becomes of results and of what they throw.
'use strict'

const native = require('./native.js')
const encode = require('./encode.js')
const { WsManagerError } = require('./errors.js')
const { Connection, Request } = require('./connection.js')
const { Receipt } = require('./receipt.js')
const { INTERNAL_ERROR, decision, refusal, wordsOf } = require('./admission.js')
const { admit } = require('./entrance.js')
const { METHODS } = require('./log.js')

/** All handlers of one manager, and the connections that they have met. */
class Handlers {
  constructor(manager) {
    this.manager = manager
    this.onConnect = new Set()
    this.onDisconnect = new Set()
    this.onMessage = new Set()
    this.commands = new Map()
    this.authenticator = null
    this.authorizer = null
    this.known = new Map()
  }

  /** The mask for Runtime.want(). */
  wanted() {
    let mask = native.WANT_LOG
    const { onConnect, onDisconnect, onMessage, commands, authenticator, authorizer } = this
    if (onConnect.size || onDisconnect.size || onMessage.size || commands.size || authorizer) {
      // Connection objects live from one to the other.
      mask |= native.WANT_CONNECT | native.WANT_DISCONNECT
    }
    if (onMessage.size) mask |= native.WANT_MESSAGE
    if (authenticator) mask |= native.WANT_AUTHENTICATE
    if (authorizer) mask |= native.WANT_AUTHORIZE
    return mask
  }

  /** One event of the runtime; what the values are, events.c says. */
  handle(runtime, kind, conn, a, b, c) {
    switch (kind) {
      case native.EVENT_CONNECT:
        return this.#connected(runtime, conn)
      case native.EVENT_DISCONNECT:
        return this.#disconnected(runtime, conn, a, b)
      case native.EVENT_MESSAGE:
        return this.#message(this.#connection(runtime, conn), a, b)
      case native.EVENT_COMMAND:
        return this.#command(runtime, this.#connection(runtime, conn), a, b, c)
      case native.EVENT_AUTHENTICATE:
        return this.#authenticate(runtime, conn, a, b)
      case native.EVENT_AUTHORIZE:
        return this.#authorize(runtime, a, this.#connection(runtime, conn), b, c)
      case native.EVENT_LOG:
        return this.manager.logger[METHODS[a] ?? 'info'](b)
      default:
        return undefined
    }
  }

  #connection(runtime, conn) {
    return this.known.get(conn) ?? new Connection(this.manager, conn, runtime.info(), this.manager._states.take(conn))
  }

  #connected(runtime, conn) {
    const connection = this.#connection(runtime, conn)
    this.known.set(conn, connection)
    for (const handler of this.onConnect) this.#run('onConnect', handler, [connection])
  }

  #disconnected(runtime, conn, code, reason) {
    const connection = this.#connection(runtime, conn)
    this.known.delete(conn)
    for (const handler of this.onDisconnect) this.#run('onDisconnect', handler, [connection, code, reason])
  }

  #message(connection, binary, data) {
    const value = binary ? data : parse(data)
    const failed = () => connection.send(errorMessage())
    for (const handler of this.onMessage) this.#run('onMessage', handler, [connection, value], { failed })
  }

  #command(runtime, connection, action, text, id) {
    const { conn } = connection
    const handler = this.commands.get(action)
    if (handler === undefined) {
      runtime.reply(conn, action, id, 'there is no handler for this action any more', 'unknown_action')
      return
    }
    const failed = () => runtime.reply(conn, action, id, 'the handler of this command failed', 'internal')
    const done = (value) =>
      runtime.reply(conn, action, id, encode.dumps(value, `the result of the command '${action}'`))
    this.#run(`the command '${action}'`, handler, [connection, commandData(text)], { done, failed })
  }

  #authenticate(runtime, conn, ticket, text) {
    const refused = (code = 0, reason = '') => runtime.authenticated(ticket, false, '', '', [], code, reason)
    const failed = () => refused(INTERNAL_ERROR, 'The authentication handler failed.')
    if (!this.authenticator) return failed()
    const request = new Request(JSON.parse(text))
    const done = (value) => {
      const decided = decision(value, 'an authenticate handler')
      if (decided === null) return refused()
      admit(this.manager, runtime, conn, ticket, decided, wordsOf(request.pathParams, request.query))
    }
    this.#run('authenticate', this.authenticator, [request], { done, failed, refused })
  }

  #authorize(runtime, ticket, connection, action, room) {
    const refused = () => runtime.authorized(ticket, false)
    const done = (value) => runtime.authorized(ticket, Boolean(value))
    if (!this.authorizer) return refused()
    this.#run('authorize', this.authorizer, [connection, action, room], { done, failed: refused, refused })
  }

  // ---- calling ----

  /** Calls a handler. done: gets its result. failed: it threw. refused: it threw what means a refusal. */
  #run(what, handler, args, { done, failed, refused } = {}) {
    try {
      const result = handler(...args)
      if (typeof result?.then !== 'function' || (done === undefined && result instanceof Receipt)) {
        done?.(result)
        return
      }
      Promise.resolve(result)
        .then(done)
        .catch((error) => this.#report(what, error, failed, refused))
    } catch (error) {
      this.#report(what, error, failed, refused)
    }
  }

  /** What becomes of what a handler threw: a refusal where it means one, else a log entry and the answer `internal`. */
  #report(what, error, failed, refused) {
    const meant = refused && refusal(error)
    if (meant) {
      this.#quietly(() => refused(meant.code, meant.reason))
      return
    }
    this.manager.logger.error(`${what}: the handler threw`, error)
    if (failed) this.#quietly(failed)
  }

  /** An answer to somebody who may have gone, of a runtime that may have stopped. */
  #quietly(call) {
    try {
      call()
    } catch (error) {
      if (!(error instanceof WsManagerError)) throw error
      this.manager.logger.debug(`an answer could not be given: ${error.message}`)
    }
  }
}

/** A text message: what its JSON says if it is an object or an array, else the text. */
function parse(text) {
  if (text[0] === '{' || text[0] === '[') {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }
  return text
}

/** What a command carries: its `data` if that is all it has, else its fields without `action` and `id`. */
function commandData(text) {
  const { action: _action, id: _id, ...fields } = JSON.parse(text)
  const names = Object.keys(fields)
  return names.length === 1 && names[0] === 'data' ? fields.data : fields
}

function errorMessage() {
  return { type: 'error', data: { code: 'internal', message: 'the server failed to handle this message' } }
}

module.exports = { Handlers }
