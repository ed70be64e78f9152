// The application's log, live: what it logs is sent as `log_message` to the room `logs` as well.
'use strict'

const { format } = require('node:util')

/** pino's numbers. */
const PINO = [
  [60, 'critical'],
  [50, 'error'],
  [40, 'warning'],
  [30, 'info'],
  [0, 'debug'],
]

const CONSOLE = { debug: 'debug', log: 'info', info: 'info', warn: 'warning', error: 'error' }
const ORDER = ['debug', 'info', 'success', 'warning', 'error', 'critical']

/**
 * Sends one line. What is logged while that happens is not sent (there is no feedback), nor anything while the runtime does not
 * run: a log line does not start it. It never throws and never waits.
 */
class Lines {
  #busy = false

  constructor(manager, level = 'debug') {
    this.manager = manager
    this.least = ORDER.indexOf(level)
    if (this.least < 0) throw new TypeError(`level must be one of ${ORDER.join(', ')}`)
  }

  send(level, text, source) {
    if (this.#busy || ORDER.indexOf(level) < this.least || !this.manager.running) return
    this.#busy = true
    try {
      this.manager.notifyLog(level, text, source)
    } catch {
      // Too large a line, say: it stands in the application's own log.
    } finally {
      this.#busy = false
    }
  }
}

/** Sends what the console is given, too. Returns a function that ends it. */
function captureConsole(manager, { level, source = 'console', console: target = console } = {}) {
  const lines = new Lines(manager, level)
  const before = {}
  for (const [name, word] of Object.entries(CONSOLE)) {
    const method = (before[name] = target[name])
    target[name] = function (...parts) {
      method.apply(this, parts)
      // The package's own warnings are no news to send.
      if (parts[0] !== 'ws_manager:') lines.send(word, format(...parts), source)
    }
  }
  return () => Object.assign(target, before)
}

/** A destination for pino: pino(options, pino.multistream([{ stream: process.stdout }, { stream: wsManager.pinoStream() }])). */
function pinoStream(manager, { level, source } = {}) {
  const lines = new Lines(manager, level)
  return {
    write(line) {
      let record
      try {
        record = JSON.parse(line)
      } catch {
        return
      }
      const [, word] = PINO.find(([number]) => record.level >= number) ?? [0, 'info']
      const text = record.err?.stack ? `${record.msg ?? ''}\n${record.err.stack}`.trim() : String(record.msg ?? '')
      lines.send(word, text, source ?? record.name ?? null)
    },
  }
}

module.exports = { captureConsole, pinoStream }
