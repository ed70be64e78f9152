// Options of a manager to the texts that the core's table takes.
'use strict'

const native = require('./native.js')
const { ConfigError } = require('./errors.js')

let rows

function optionRows() {
  return (rows ??= new Map(native.options().map(([name, , type, fallback]) => [name, { type, fallback }])))
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The options by their names in the table; camelCase is taken as well. null and undefined unset one. */
function normalised(config) {
  const result = {}
  for (const [given, value] of Object.entries(config)) {
    const name = snake(given)
    if (!optionRows().has(name)) {
      throw new ConfigError(
        `there is no option '${given}'; the options are: ${[...optionRows().keys()].sort().join(', ')}`,
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
  const { type: kind, fallback } = optionRows().get(name)
  if (typeof value === 'string') return value
  if ((name === 'jwt_secret' || name === 'jwt_public_key') && Array.isArray(value)) {
    return value.map((key) => oneKey(name, key)).join('\n') // several are in force while they are exchanged
  }
  if (kind === 'list' && (Array.isArray(value) || value instanceof Set)) {
    for (const item of value) {
      if (typeof item !== 'string' || item.includes(',')) {
        throw new ConfigError(`${name}: its items must be strings without commas, not ${String(item)}`)
      }
    }
    return [...value].join(',') || (fallback === '' ? '' : 'none') // "" would be the default
  }
  if (kind === 'bool' && typeof value === 'boolean') return String(value)
  // `port` is text in the table, since "" and "0" differ there.
  if (typeof value === 'number' && Number.isFinite(value) && (kind !== 'string' || name === 'port'))
    return String(value)
  throw new ConfigError(`${name}: ${String(value)} is ${typeof value}, which an option of type ${kind} does not take`)
}

function oneKey(name, key) {
  if (typeof key === 'string' && key !== '') return key
  throw new ConfigError(`${name}: each key must be a string that is not empty`)
}

/** The option `rooms`: { pattern: settings }. */
function roomRules(rooms) {
  if (rooms === undefined || rooms === null) return []
  const rules = typeof rooms === 'object' ? Object.entries(rooms) : [['', null]]
  if (rules.some(([, settings]) => typeof settings !== 'object' || settings === null)) {
    throw new ConfigError(
      'rooms must be { pattern: { setting: value } }, as in { "project:*": { subscribe: "granted" } }',
    )
  }
  return rules
}

/** One setting of a room rule as text; null and undefined take it back. The core checks what it says. */
function roomSetting(setting, value) {
  if (value === null || value === undefined) return ''
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (typeof value === 'string' || Number.isFinite(value)) return String(value)
  throw new ConfigError(`${setting}: ${String(value)} is ${typeof value}, not a word, a number or a boolean`)
}

/** One name, several, or none. */
function listed(names) {
  return names === undefined || names === null ? [] : typeof names === 'string' ? [names] : [...names]
}

module.exports = { listed, roomRules, roomSetting, snake, text, normalised, texts }
