// From JavaScript values to the text of a message.
'use strict'

/**
 * JSON of a value. TypeError says where in it the trouble is; `root` is what the value is called there. replacer: the option `encoder`,
 * as JSON.stringify() takes it.
 */
function dumps(value, root, replacer) {
  let text
  try {
    text = JSON.stringify(value, replacer)
  } catch (error) {
    throw explain(value, root, error)
  }
  if (text === undefined) {
    if (value === undefined) return 'null'
    throw new TypeError(`${root}: a ${typeof value} cannot be encoded as JSON`)
  }
  return text
}

/** `data` of an event. Bytes have no place in JSON; JSON.stringify() would make an object of numbers of them. */
function data(value, replacer) {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    throw new TypeError('data: bytes cannot be encoded as JSON; send them as a message of its own, or base64')
  }
  return dumps(value, 'data', replacer)
}

/** The payloads of what a client is to get first: one message, or an array of them. */
function welcome(messages, replacer) {
  if (messages === undefined || messages === null) return []
  return (Array.isArray(messages) ? messages : [messages]).map((message) => {
    if (typeof message === 'object' && bytes(message) !== undefined)
      throw new TypeError('welcome: a binary message cannot be given beforehand; send it in onConnect')
    return typeof message === 'string' ? message : dumps(message, 'welcome', replacer)
  })
}

/** The bytes of a binary message, undefined if the value is none. */
function bytes(value) {
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value)
  return undefined
}

/** The TypeError that names the place of what JSON.stringify() did not take; its own error where none is found. */
function explain(value, root, error) {
  if (!(error instanceof TypeError || error instanceof RangeError)) return error
  const found = find(value, root, [])
  return found ? new TypeError(`${found.path}: ${found.reason}`, { cause: error }) : error
}

const PLAIN = /^[A-Za-z_$][\w$]*$/

function find(value, path, ancestors) {
  if (typeof value === 'bigint') {
    return { path, reason: 'a BigInt cannot be encoded as JSON; send it as a string' }
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (ancestors.includes(value)) return { path, reason: 'it contains itself' }
  if (ancestors.length > 1000) return { path: path.split(/[.[]/, 1)[0], reason: 'it is nested too deep' }
  if (typeof value.toJSON === 'function') return encodes(value) ? undefined : find(value.toJSON(), path, ancestors)
  for (const [key, item] of Object.entries(value)) {
    const step = Array.isArray(value) ? `[${key}]` : PLAIN.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
    const found = find(item, path + step, [...ancestors, value])
    if (found) return found
  }
  return undefined
}

function encodes(value) {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

module.exports = { bytes, data, dumps, welcome }
