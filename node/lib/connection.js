// What handlers get: connections, and requests that want to become one.
'use strict'

/** One client's connection: the same object in every handler, from onConnect to onDisconnect. */
class Connection {
  #manager
  #search
  #query
  #ending
  #ended = false

  constructor(manager, conn, info, state = {}) {
    this.#manager = manager
    this.#search = info.query
    this.conn = conn
    this.state = state
    this.clientId = info.clientId
    this.userId = info.userId || null
    this.sessionId = info.sessionId || null
    this.path = info.path
    this.ip = info.ip
    this.userAgent = info.userAgent
    this.connectedAt = new Date(info.connectedAt)
  }

  get query() {
    return (this.#query ??= new URLSearchParams(this.#search))
  }

  /** Aborted when the handlers of this connection are to end: it has gone, and they have had handler_timeout seconds. */
  get signal() {
    if (this.#ending === undefined) {
      this.#ending = new AbortController()
      if (this.#ended) this._end()
    }
    return this.#ending.signal
  }

  /** @internal */
  _end() {
    this.#ended = true
    this.#ending?.abort(new DOMException('the client has gone', 'AbortError'))
  }

  rooms() {
    return this.#manager._roomsOf(this.clientId)
  }

  send(message, options) {
    return this.#manager.sendToClient(this.clientId, message, options)
  }

  join(room) {
    return this.#manager._join(this.conn, room)
  }

  leave(room) {
    return this.#manager._leave(this.conn, room)
  }

  close(code = 0, reason = '') {
    this.#manager.disconnect(this.clientId, { code, reason })
  }
}

/** A request for a connection, as an authenticate handler gets it. */
class Request {
  constructor(fields) {
    this.path = fields.path ?? ''
    this.pathParams = { ...fields.path_params }
    this.query = new URLSearchParams(fields.query ?? '')
    this.headers = {}
    for (const [name, value] of Object.entries(fields.headers ?? {})) this.headers[name.toLowerCase()] = value
    this.ip = fields.ip ?? ''
  }

  get cookies() {
    const pairs = (this.headers.cookie ?? '').split(';').map((part) => /^\s*([^=]*?)\s*=\s*"?(.*?)"?\s*$/.exec(part))
    return Object.fromEntries(pairs.filter(Boolean).map(([, name, value]) => [name, value]))
  }
}

module.exports = { Connection, Request }
