// How handlers are given to a manager.
'use strict'

const { checked, isSchema } = require('./schema.js')

function check(handler) {
  if (typeof handler !== 'function') throw new TypeError(`a handler must be a function, not ${typeof handler}`)
}

function handlerOptions({ concurrent = false, name = '', ...unknown } = {}) {
  const names = Object.keys(unknown)
  if (names.length > 0) throw new TypeError(`'${names[0]}' is no option of a handler; those are concurrent and name`)
  return { concurrent: Boolean(concurrent), name: String(name) }
}

/** (handler, options?) or (schema, handler, options?). */
function registration(args) {
  if (isSchema(args[0]) && typeof args[1] === 'function') {
    return { handler: checked(args[0], args[1]), options: handlerOptions(args[2]) }
  }
  if (typeof args[0] === 'object' && typeof args[1] === 'function') {
    throw new TypeError('the schema must be one of the Standard Schema kind (zod 3.24, valibot 1, arktype 2 or later)')
  }
  check(args[0])
  return { handler: args[0], options: handlerOptions(args[1]) }
}

/**
 * A handler takes the place of the one of the same name. While one develops, modules run again after each edit, and add their handlers
 * again: who has not named them is told.
 */
function takePlace(logger, kind, handlers, registered) {
  if (registered.name) {
    for (const [key, { name }] of handlers) if (name === registered.name) handlers.delete(key)
    return
  }
  if (process.env.NODE_ENV !== 'development') return
  registered.moment = moment()
  const file = caller()
  registered.file = chunk(file)
  for (const earlier of handlers.values()) {
    if (earlier.name || earlier.moment === registered.moment || earlier.file !== registered.file || !file) continue
    logger.warn(
      `${kind}: ${readable(file)} has added a handler before, and both are called now. A module that runs again (hot reload) adds its ` +
        `handlers again: give each a name, ${kind}(handler, { name: '…' }), and the newer one takes the older one's place`,
    )
    return
  }
}

let now = 0
let ticking = false

/** A number for this turn of the event loop: what a module adds while it is evaluated has the same. */
function moment() {
  if (!ticking) {
    ticking = true
    now++
    setImmediate(() => (ticking = false)).unref()
  }
  return now
}

/** The file that calls the manager; '' if it is not to be found out. */
function caller() {
  const lines = String(new Error().stack).split('\n').slice(1)
  const line = lines.find((line) => !line.includes(__dirname) && !line.includes('node:internal'))
  return /^\s*at (?:async )?(?:.*? \()?(.*):\d+:\d+\)?$/.exec(line ?? '')?.[1] ?? ''
}

/** Where a module is loaded from. Its first life has no query, and later ones have. */
function chunk(file) {
  return file.startsWith('file://') ? decodeURI(file.slice(7).replace(/\?.*$/, '')) : file
}

/** Bundlers name a module behind the file in which they have put it: "….js?id=%5Bproject%5D/lib/live.ts+…". */
function readable(file) {
  const id = /^file:.*[?&]id=([^+]+)/.exec(file)?.[1]
  return id === undefined ? file : decodeURI(id)
}

module.exports = { check, handlerOptions, registration, takePlace }
