// Whose request it is that a route handler of Next.js answers: it is given headers and a body, and no socket.
'use strict'

const { randomBytes } = require('node:crypto')

const HEADER = 'x-ws-manager-request'
const OURS = /\/(?:ws\/admin|api\/ws\/|metrics)/

/** Requests that are being answered: a word that nobody can guess → the address of who is connected. */
const KEY = Symbol.for('ws_manager.peers')
const addresses = (globalThis[KEY] ??= new Map())

/** Seen before Next.js sees the request. What a client itself sends under that name means nothing. */
function note(req, res) {
  if (!OURS.test(req.url)) return
  const word = randomBytes(16).toString('base64url')
  addresses.set(word, req.socket.remoteAddress)
  req.headers[HEADER] = word
  res.once('close', () => addresses.delete(word))
}

/** The address of a request that note() has seen; '' for any other, which is nobody's, and not this machine's. */
function addressOf(request) {
  return addresses.get(request.headers.get(HEADER)) ?? ''
}

module.exports = { addressOf, note }
