// Tokens that are accepted no longer, and the keys that they are checked with.
'use strict'

const { Clients } = require('./clients.js')
const { oneId } = require('./sending.js')

class Tokens extends Clients {
  revoke({ jti = '', userId, before, until } = {}) {
    this._any().revoke(jti, user(userId), milliseconds(before), milliseconds(until))
  }

  unrevoke({ jti = '', userId } = {}) {
    this._any().unrevoke(jti, user(userId))
  }

  revocations() {
    return JSON.parse(this._any().revocations())
  }
}

function user(userId) {
  return userId === undefined || userId === null ? '' : oneId(userId, 'userId')
}

/** Unix time in milliseconds of a Date or such a number; 0 where there is none. */
function milliseconds(time) {
  if (time === undefined || time === null) return 0
  const number = Number(time)
  if (!Number.isFinite(number)) throw new TypeError('a time must be a Date, or Unix time in milliseconds')
  return Math.max(1, Math.floor(number))
}

module.exports = { Tokens }
