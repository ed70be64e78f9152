// The calls about clients: who is there, what was said, and who has to go.
'use strict'

const native = require('./native.js')
const { perRequest } = require('./dynamic.js')
const { NotFound, NotRunning } = require('./errors.js')
const { Move } = require('./move.js')
const { Sending, oneId } = require('./sending.js')

class Clients extends Sending {
  // ---- who is there, and what was said ----

  async _query(kind, room, epoch, since, limit, after) {
    return this._ready().query(kind, room, epoch, since, limit, after)
  }

  async stats() {
    return JSON.parse(await this._query(native.QUERY_STATS))
  }

  async connections() {
    return JSON.parse(await this._query(native.QUERY_CONNECTIONS))
  }

  async subscribers(room) {
    return JSON.parse(await this._query(native.QUERY_SUBSCRIBERS, room))
  }

  async presence(room, { limit = 1000, after = '' } = {}) {
    return JSON.parse(await this._query(native.QUERY_PRESENCE, room, '', 0, limit, after))
  }

  async history(room, { limit = 0, since = 0, epoch = '' } = {}) {
    return JSON.parse(await this._query(native.QUERY_HISTORY, room, epoch, since, limit))
  }

  async position(room) {
    await perRequest('position()')
    return JSON.parse(await this._query(native.QUERY_POSITION, room))
  }

  async metrics() {
    return this._query(native.QUERY_METRICS)
  }

  async bans() {
    return JSON.parse(await this._query(native.QUERY_BANS))
  }

  /** @internal */
  async _roomsOf(clientId) {
    try {
      return JSON.parse(await this._query(native.QUERY_ROOMS_OF, clientId))
    } catch (error) {
      if (error instanceof NotFound || error instanceof NotRunning) return []
      throw error
    }
  }

  /** @internal */
  _join(conn, room) {
    return Move.of(this, 'connection.join()', this._moved('join', conn, room))
  }

  /** @internal */
  _leave(conn, room) {
    return Move.of(this, 'connection.leave()', this._moved('leave', conn, room))
  }

  /** @internal */
  async _moved(how, conn, room) {
    await this._ready()[how](conn, room)
  }

  // ---- connections ----

  subscribe(userId, channel) {
    this._ready().subscribe(oneId(userId, 'userId'), channel)
  }

  unsubscribe(userId, channel) {
    this._ready().unsubscribe(oneId(userId, 'userId'), channel)
  }

  disconnect(client, options) {
    const clientId = typeof client === 'string' ? client : client?.clientId
    if (typeof clientId !== 'string') throw new TypeError('disconnect() wants a client id or a Connection')
    const { code, reason } = ending(options)
    ifRunning(() => this._ready().disconnect(clientId, code, reason))
  }

  ban(ip, { seconds = 3600, reason = '' } = {}) {
    this._ready().ban(ip, seconds, reason)
  }

  unban(ip) {
    this._ready().unban(ip)
  }

  disconnectUser(userId, options) {
    const { code, reason } = ending(options)
    ifRunning(() => this._ready().disconnectUser(oneId(userId, 'userId'), code, reason))
  }
}

function ending(options = {}) {
  return { code: options.code ?? 0, reason: options.reason ?? '' }
}

/** Without a runtime there is nobody to be disconnected. */
function ifRunning(call) {
  try {
    call()
  } catch (error) {
    if (!(error instanceof NotRunning)) throw error
  }
}

module.exports = { Clients }
