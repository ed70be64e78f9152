// Errors: WsManagerError and one kind for each status of the core, by the core's own table.
'use strict'

const native = require('./native.js')

/** The parent of all errors of this package; `code` says which. */
class WsManagerError extends Error {
  constructor(message, code = 'internal') {
    super(message)
    this.code = code
  }
}
Object.defineProperty(WsManagerError.prototype, 'name', { value: 'WsManagerError', configurable: true, writable: true })

/** The classes by the status's name in the core. */
const NAMES = {
  ENOMEM: 'OutOfMemory',
  EINVAL: 'InvalidArgument',
  ECONFIG: 'ConfigError',
  ENOTRUNNING: 'NotRunning',
  EOVERLOADED: 'Overloaded',
  EROOM: 'InvalidRoom',
  ETOOLARGE: 'MessageTooLarge',
  ENOTFOUND: 'NotFound',
  EADDRINUSE: 'AddressInUse',
  ESYSTEM: 'SystemCallFailed',
  EFORKED: 'Forked',
  ETIMEOUT: 'QueryTimeout',
  EJSON: 'InvalidJSON',
  EREFUSED: 'Refused',
  ENOSTORE: 'StoreNotConfigured',
  ELOCKED: 'StoreLocked',
  EUNAVAILABLE: 'Unavailable',
}

const kinds = {}
const byCode = new Map()
const byStatus = []

native.STATUS.forEach(([status, code, sentence], number) => {
  const name = NAMES[status]
  if (name === undefined) return // OK
  const kind = {
    [name]: class extends WsManagerError {
      constructor(message = sentence) {
        super(message, code)
      }
    },
  }[name]
  Object.defineProperty(kind.prototype, 'name', { value: name, configurable: true, writable: true })
  kinds[name] = kind
  byCode.set(code, kind)
  byStatus[number] = kind
})

/** The error of a status of the core (zero or negative). */
function errorOf(status) {
  return new byStatus[-status]()
}

native.setRaise((code, message) => new (byCode.get(code) ?? WsManagerError)(message, code))

module.exports = { WsManagerError, ...kinds, errorOf }
