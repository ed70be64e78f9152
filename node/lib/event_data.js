// What the generated helpers of events.js share: how they tell their two forms apart, and their errors.
'use strict'

/** Whether the first argument of a helper is the whole data, not the first field. */
function isWhole(value) {
  return typeof value === 'object' && value !== null && !(value instanceof Date)
}

/** Sends the whole data; only options may stand behind it. */
function whole(manager, type, args) {
  const options = args[1]
  for (let i = 2; i < args.length; i++) {
    if (args[i] !== undefined) throw new TypeError(`${type}: either the whole data and options, or the fields in order`)
  }
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw new TypeError(`${type}: the options behind the data must be an object, not ${String(options)}`)
  }
  return manager._notify(type, args[0], options)
}

/** The error for required fields that were not given. */
function missing(helper, required) {
  const names = Object.keys(required).filter((name) => required[name] === undefined)
  return new TypeError(`${helper}() needs ${names.join(', ')}`)
}

module.exports = { isWhole, missing, whole }
