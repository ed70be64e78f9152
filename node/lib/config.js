// Options of a manager to the texts that the core's table takes.
'use strict'

const native = require('./native.js')
const { ConfigError } = require('./errors.js')

let types

function optionTypes() {
  return (types ??= new Map(native.options().map(([name, , type]) => [name, type])))
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The options by their names in the table; camelCase is taken as well. null and undefined unset one. */
function normalised(config) {
  const result = {}
  for (const [given, value] of Object.entries(config)) {
    const name = snake(given)
    if (!optionTypes().has(name)) {
      throw new ConfigError(
        `there is no option '${given}'; the options are: ${[...optionTypes().keys()].sort().join(', ')}`,
      )
    }
    result[name] = value
  }
  return result
}

/** [name, text, name, text, …] of those that are set. */
function texts(config) {
  const names = Object.keys(config).sort()
  return names
    .filter((name) => config[name] !== undefined && config[name] !== null)
    .flatMap((name) => [name, text(name, config[name])])
}

/** One option's value as text. The core checks what it says; here only types are looked at. */
function text(name, value) {
  const kind = optionTypes().get(name)
  if (typeof value === 'string') return value
  if (kind === 'list' && (Array.isArray(value) || value instanceof Set)) {
    for (const item of value) {
      if (typeof item !== 'string' || item.includes(',')) {
        throw new ConfigError(`${name}: its items must be strings without commas, not ${String(item)}`)
      }
    }
    return [...value].join(',')
  }
  if (kind === 'bool' && typeof value === 'boolean') return String(value)
  // `port` is text in the table, since "" and "0" differ there.
  if (typeof value === 'number' && Number.isFinite(value) && (kind !== 'string' || name === 'port'))
    return String(value)
  throw new ConfigError(`${name}: ${String(value)} is ${typeof value}, which an option of type ${kind} does not take`)
}

module.exports = { normalised, texts }
