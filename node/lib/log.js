// Where the package itself logs: warnings and errors to the console, the rest with NODE_DEBUG=ws_manager.
'use strict'

const debug = require('node:util').debuglog('ws_manager')

const PREFIX = 'ws_manager:'

const defaultLogger = {
  debug: (...parts) => debug('%s', parts.join(' ')),
  info: (...parts) => debug('%s', parts.join(' ')),
  warn: (...parts) => console.warn(PREFIX, ...parts),
  error: (...parts) => console.error(PREFIX, ...parts),
}

/** The logger's method for each level of the core: debug, info, success, warning, error, critical. */
const METHODS = ['info', 'debug', 'info', 'info', 'warn', 'error', 'error']

// eslint-disable-next-line no-control-regex
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu

/** Text that clients may have had a hand in, on one line, with what cannot be seen spelled out: a log must not be forged by it. */
function visible(text) {
  return String(text).replace(HIDDEN, (found) => {
    const code = found.codePointAt(0)
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

module.exports = { visible, METHODS, defaultLogger }
