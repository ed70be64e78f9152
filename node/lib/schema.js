// Checks what clients send by a validator of the Standard Schema kind (standardschema.dev): zod, valibot, arktype and others.
'use strict'

/** How many of the issues a client is told. */
const TOLD = 3

/** What a client has sent is not what the handler takes. The sentence goes to the client. */
class BadRequest extends Error {}

/** Whether a value is such a validator. Those of arktype are functions. */
function isSchema(value) {
  return (
    (typeof value === 'object' || typeof value === 'function') && typeof value?.['~standard']?.validate === 'function'
  )
}

/** The handler, called with what the schema has made of the data. */
function checked(schema, handler) {
  return (connection, data) => {
    const result = schema['~standard'].validate(data)
    if (typeof result?.then === 'function') return result.then((later) => handler(connection, valueOf(later)))
    return handler(connection, valueOf(result))
  }
}

function valueOf(result) {
  if (result.issues) throw new BadRequest(sentence(result.issues))
  return result.value
}

/** "image.width: Expected a number; name: Required" */
function sentence(issues) {
  const told = issues.slice(0, TOLD).map((issue) => `${place(issue.path)}: ${issue.message}`)
  const rest = issues.length - told.length
  return told.join('; ') + (rest > 0 ? ` (and ${rest} more)` : '')
}

/** items[0].name */
function place(path) {
  let text = ''
  for (const step of path ?? []) {
    const key = typeof step === 'object' && step !== null ? step.key : step
    if (typeof key === 'number') text += `[${key}]`
    else text += text ? `.${String(key)}` : String(key)
  }
  return text || 'data'
}

module.exports = { BadRequest, checked, isSchema }
