// Whose request it is that a route handler of Next.js answers: it is given headers and a body, and no socket.
'use strict'

const { randomBytes } = require('node:crypto')

const HEADER = 'x-ws-manager-request'
const OURS = /\/(?:ws\/admin|api\/ws\/|metrics)/

/**
 * Requests that are being answered: a word that nobody can guess → the address of who is connected, and the header fields that came.
 * Next.js adds some that otherwise only proxies add.
 */
const KEY = Symbol.for('ws_manager.peers')
const requests = (globalThis[KEY] ??= new Map())

/** Seen before Next.js sees the request. What a client itself sends under that name means nothing. */
function note(req, res) {
  if (!OURS.test(req.url)) return
  const word = randomBytes(16).toString('base64url')
  requests.set(word, { ip: req.socket.remoteAddress ?? '', rawHeaders: req.rawHeaders })
  req.headers[HEADER] = word
  res.once('close', () => requests.delete(word))
}

/** { ip, rawHeaders } of a request that note() has seen; of any other nothing: it is nobody's, and not this machine's. */
function seen(request) {
  return requests.get(request.headers.get(HEADER)) ?? {}
}

module.exports = { note, seen }
