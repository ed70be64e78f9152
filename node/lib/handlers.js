// The application's handlers: who is called for what, and what becomes of results and of what they throw.
'use strict'

const native = require('./native.js')
const encode = require('./encode.js')
const { InvalidRoom, Refused } = require('./errors.js')
const { Call, Chain, STOP_GRACE_MS, quietly } = require('./chain.js')
const { BadRequest } = require('./schema.js')
const { Connection, Request } = require('./connection.js')
const { INTERNAL_ERROR, decision, refusal, wordsOf } = require('./admission.js')
const { admit } = require('./entrance.js')
const { METHODS } = require('./log.js')

/** Characters of a message that count as a further one towards max_handler_queue. */
const SIZE_UNIT = 1024

/** All handlers of one manager, and the connections that they have met. */
class Handlers {
  #chains = new Map() // by connection; only of those with something in hand
  #idle // is called when there are none any more
  #maxQueue = 0
  #timeoutMs = 0

  constructor(manager) {
    this.manager = manager
    this.onConnect = new Map()
    this.onDisconnect = new Map()
    this.onMessage = new Map()
    this.commands = new Map()
    this.authenticator = null
    this.authorizer = null
    this.known = new Map()
  }

  /** A new runtime asks. */
  serve(runtime) {
    this.#maxQueue = Number(runtime.option('max_handler_queue'))
    this.#timeoutMs = Number(runtime.option('handler_timeout')) * 1000
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
        return this.#message(runtime, this.#connection(runtime, conn), a, b, c)
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

  // ---- one client's events, in order ----

  #connected(runtime, conn) {
    const connection = this.#connection(runtime, conn)
    this.known.set(conn, connection)
    for (const { handler, concurrent } of this.onConnect.values()) {
      this.#inTurn(connection, 'onConnect', handler, [connection], { concurrent })
    }
  }

  #disconnected(runtime, conn, code, reason) {
    const connection = this.#connection(runtime, conn)
    this.known.delete(conn)
    this.#chains.get(conn)?.endWithin(this.#timeoutMs)
    for (const { handler, concurrent } of this.onDisconnect.values()) {
      this.#inTurn(connection, 'onDisconnect', handler, [connection, code, reason], { concurrent, last: true })
    }
    const chain = this.#chains.get(conn)
    if (chain === undefined) connection._end()
    else chain.endWithin(this.#timeoutMs)
  }

  #message(runtime, connection, binary, data, id) {
    const size = 1 + Math.floor(data.length / SIZE_UNIT)
    if (this.#isTooMuch(runtime, connection, '', id, size)) return
    const { conn } = connection
    const value = binary ? data : parse(data)
    const failed = () => runtime.reply(conn, '', id, 'the server failed to handle this message', 'internal')
    const refused = (error) => objected(runtime, conn, '', id, error)
    for (const { handler, concurrent } of this.onMessage.values()) {
      this.#inTurn(connection, 'onMessage', handler, [connection, value], { failed, refused, size, concurrent })
    }
  }

  #command(runtime, connection, action, text, id) {
    const size = 1 + Math.floor(text.length / SIZE_UNIT)
    if (this.#isTooMuch(runtime, connection, action, id, size)) return
    const { conn } = connection
    const registered = this.commands.get(action)
    if (registered === undefined) {
      runtime.reply(conn, action, id, 'there is no handler for this action any more', 'unknown_action')
      return
    }
    const { handler, concurrent } = registered
    const failed = () => runtime.reply(conn, action, id, 'the handler of this command failed', 'internal')
    const refused = (error) => objected(runtime, conn, action, id, error)
    const done = (value) =>
      runtime.reply(
        conn,
        action,
        id,
        encode.dumps(value, `the result of the command '${action}'`, this.manager._encoder),
      )
    const what = `the command '${action}'`
    const then = { done, failed, refused, size, concurrent }
    this.#inTurn(connection, what, handler, [connection, commandData(text)], then)
  }

  /** Calls a handler once those before it, of the same client, have ended. */
  #inTurn(connection, what, handler, args, then) {
    const { conn } = connection
    const call = new Call(this.manager, what, handler, args, then)
    const chain = this.#chains.get(conn)
    if (chain !== undefined) {
      chain.add(call)
      return
    }
    const ended = call.start()
    if (ended === undefined) return
    const made = new Chain(connection, this.manager.logger, () => {
      this.#chains.delete(conn)
      if (this.#chains.size === 0) this.#idle?.()
    })
    this.#chains.set(conn, made)
    made.hold(call, ended)
  }

  /** Whether a message is over max_handler_queue; the client is told, and the core counts it. */
  #isTooMuch(runtime, connection, action, id, size) {
    const chain = this.#chains.get(connection.conn)
    if (chain === undefined || chain.size + size <= this.#maxQueue) return false
    if (!chain.overflowed) {
      // a line for each time that it falls behind, not for each message
      chain.overflowed = true
      this.manager.logger.warn(
        `client ${connection.clientId}: its handlers are behind by more than max_handler_queue (${this.#maxQueue}): ` +
          'further messages are refused',
      )
    }
    quietly(this.manager.logger, () => runtime.reply(connection.conn, action, id, '', 'rate_limited'))
    return true
  }

  /** The runtime has stopped: waits until the handlers have ended, which have a second and then are not waited for. */
  async finished() {
    if (this.#chains.size === 0) return
    for (const chain of this.#chains.values()) chain.endWithin(Math.min(this.#timeoutMs, STOP_GRACE_MS))
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 2 * STOP_GRACE_MS)
      this.#idle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#idle = undefined
  }

  // ---- questions, which are answered out of turn: a handler in hand may wait for what depends on them ----

  #authenticate(runtime, conn, ticket, text) {
    const refuse = (code = 0, reason = '') => runtime.authenticated(ticket, false, '', '', [], code, reason)
    const failed = () => refuse(INTERNAL_ERROR, 'The authentication handler failed.')
    const refused = (error) => {
      const meant = refusal(error)
      if (meant) refuse(meant.code, meant.reason)
      return Boolean(meant)
    }
    if (!this.authenticator) return failed()
    const request = new Request(JSON.parse(text))
    const done = (value) => {
      const decided = decision(value, 'authenticate')
      if (decided === null) return refuse()
      const words = wordsOf([request.path, ...Object.values(request.pathParams)], request.query, request.headers)
      admit(this.manager, runtime, conn, ticket, decided, words)
    }
    const then = { done, failed, refused }
    new Call(this.manager, 'authenticate', this.authenticator, [request], then).start()
  }

  #authorize(runtime, ticket, connection, action, room) {
    const failed = () => runtime.authorized(ticket, false)
    const refused = (error) => {
      const meant = refusal(error)
      if (meant) failed()
      return Boolean(meant)
    }
    const done = (value) => runtime.authorized(ticket, Boolean(value))
    if (!this.authorizer) return failed()
    const args = [connection, action, room]
    new Call(this.manager, 'authorize', this.authorizer, args, { done, failed, refused }).start()
  }
}

/** Answers a message whose handler threw what is the client's business; false if it is an error of the handler. */
function objected(runtime, conn, action, id, error) {
  const say = (code, sentence) => {
    runtime.reply(conn, action, id, sentence, code)
    return true
  }
  if (error instanceof BadRequest || error instanceof InvalidRoom) return say('bad_request', error.message)
  if (error instanceof Refused) return say('forbidden', error.message)
  const meant = refusal(error)
  if (meant) return say('forbidden', meant.reason || 'this is not allowed')
  const status = error?.status ?? error?.statusCode
  if (Number.isInteger(status) && status >= 400 && status < 500)
    return say('bad_request', String(error.message || 'bad request'))
  return false
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

module.exports = { Handlers }
