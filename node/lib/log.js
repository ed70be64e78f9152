// Where the package itself logs: to the console; what helps to find faults with NODE_DEBUG=ws_manager only.
'use strict'

const { debuglog, inspect } = require('node:util')

const debug = debuglog('ws_manager')

const PREFIX = 'ws_manager:'

const defaultLogger = {
  debug: (...parts) => debug('%s', parts.map((part) => printed(part)).join(' ')),
  info: (...parts) => console.error(PREFIX, ...parts.map((part) => printed(part))), // what the start says, on stderr
  warn: (...parts) => console.warn(PREFIX, ...parts.map((part) => printed(part))),
  error: (...parts) => console.error(PREFIX, ...parts.map((part) => printed(part))),
}

/** The logger's method for each level of the core: debug, info, success, warning, error, critical. */
const METHODS = ['info', 'debug', 'info', 'info', 'warn', 'error', 'error']

/** Milliseconds in which one kind of line is written once: who can cause it could fill the disk otherwise. */
const SELDOM_MS = 10_000

/** Lines of a manager that clients can cause, each kind at most once in SELDOM_MS; the next one says how many were left out. */
class Seldom {
  #last = new Map()

  /** Whether a line of that kind is due: undefined if not, else what it has to say of those that were left out. */
  due(kind, now = performance.now()) {
    const entry = this.#last.get(kind)
    if (entry !== undefined && now - entry.at < SELDOM_MS) {
      entry.left++
      return undefined
    }
    this.#last.set(kind, { at: now, left: 0 })
    return entry?.left ? ` (${entry.left} more like it were not logged)` : ''
  }
}

const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu

/** Text that clients may have had a hand in, on one line, with what cannot be seen spelled out: a log must not be forged by it. */
function visible(text) {
  return String(text).replace(HIDDEN, (found) => {
    const code = found.codePointAt(0)
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

/** Errors in errors are shown that far. */
const DEPTH = 4

/** What was thrown may have a client's words in it, as everything in a line; only the frames of a stack have lines of their own. */
function printed(part, depth = 0) {
  if (!(part instanceof Error)) return visible(typeof part === 'string' ? part : inspect(part))
  const { name, message, stack, cause, errors } = part
  const text = String(message)
  const at = String(stack).indexOf(text)
  const frames =
    at < 0
      ? []
      : String(stack)
          .slice(at + text.length)
          .split('\n')
          .slice(1)
  const own = Object.entries(part).filter(([key]) => !['stack', 'message', 'name', 'cause', 'errors'].includes(key))
  const inner = [...(cause === undefined ? [] : [cause]), ...(Array.isArray(errors) ? errors : [])]
  const lines = [visible(`${name}: ${text}`), ...frames.map(visible)]
  if (own.length > 0) lines.push(`    ${visible(inspect(Object.fromEntries(own)))}`)
  if (depth < DEPTH) for (const one of inner) lines.push(`  caused by ${printed(one, depth + 1)}`)
  return lines.join('\n')
}

const UNKNOWN_PATH = '(a path of the application)'
const SECRET_NAME = /token|ticket|secret|key|password|code/i
const PLAIN = /^[A-Za-z0-9._-]{1,16}$/

/**
 * The path of an endpoint of the application's own as it may stand in a log: with the names of its parameters for what may be a
 * token, as the core does with its endpoints (wsm_endpoint_label). `params`: name → value.
 */
function routeLabel(path, params, hide) {
  const hidden = hide || Object.keys(params).some((name) => SECRET_NAME.test(name))
  const names = new Map()
  for (const [name, value] of Object.entries(params)) for (const part of String(value).split('/')) names.set(part, name)
  const shown = path.split('/').map((part) => {
    const name = part === '' ? undefined : names.get(decoded(part))
    return name === undefined || (!hidden && PLAIN.test(part)) ? part : `{${name}}`
  })
  return visible(shown.join('/'))
}

function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

module.exports = { METHODS, Seldom, UNKNOWN_PATH, decoded, defaultLogger, routeLabel, visible }
