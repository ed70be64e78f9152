// Paths with parameters: '/live/:board', or '/live/{board}' as the core writes them.
'use strict'

/** A pattern for matched(). TypeError for what is none. */
function compiled(path) {
  if (typeof path !== 'string' || !path.startsWith('/') || /[?#\s*]/.test(path))
    throw new TypeError(`a path must begin with / and have no ? # * or space in it, not ${JSON.stringify(path)}`)
  return path.split('/').map((part) => {
    const [, colon, braces] = /^(?::(\w+)|\{(\w+)\})$/.exec(part) ?? []
    return { text: part, name: colon ?? braces }
  })
}

/** The parameters, decoded; undefined if the path does not match. No parameter is empty. */
function matched(pattern, path) {
  const parts = path.split('/')
  if (parts.length !== pattern.length) return undefined
  const params = Object.create(null)
  for (const [i, { text, name }] of pattern.entries()) {
    const part = decoded(parts[i])
    if (part === undefined || (name === undefined ? part !== text : part === '')) return undefined
    if (name !== undefined) params[name] = part
  }
  return params
}

function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

module.exports = { compiled, matched }
