// Upgrades that Node itself refuses: answered, and ended within a time, whatever the client does.
'use strict'

const http = require('node:http')

/** Sockets that were answered and have not ended, oldest first. */
const leaving = new Set()

const ignore = () => {}

/**
 * Answers, and ends the socket. The client has handshake_timeout to read that and to go; of more than max_handshakes such sockets the
 * oldest is ended at once: whoever just stays would hold its descriptor for ever.
 */
function refuse(manager, socket, status, sentence) {
  const body = Buffer.from(sentence)
  const later = status === 503 ? `\r\nRetry-After: ${manager._any().retryAfter()}` : ''
  const fields = `Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}${later}`
  socket.on('error', ignore)
  socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${fields}\r\n\r\n`)
  socket.end(body)
  leave(socket, manager._number('handshake_timeout') * 1000, manager._number('max_handshakes'))
}

function leave(socket, ms, most) {
  const timer = setTimeout(() => socket.destroy(), ms)
  leaving.add(socket)
  socket.once('close', () => {
    clearTimeout(timer)
    leaving.delete(socket)
  })
  socket.once('end', () => socket.destroySoon?.())
  socket.resume() // nobody wants what it still says; only so its end is seen
  if (leaving.size > most) leaving.values().next().value.destroy()
}

module.exports = { refuse }
