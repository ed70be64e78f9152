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

module.exports = { METHODS, defaultLogger }
