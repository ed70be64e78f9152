// Who makes a REST call: what the application says, or its authenticate handler, as for a socket.
'use strict'

const { decision, misled, refusal, wordsOf } = require('./admission.js')
const { Request } = require('./connection.js')
const { InvalidRoom } = require('./errors.js')

/** The calls whose answer depends on who asks; all others are for everyone, or for operators, by key or from this machine. */
const PERSONAL = new Set(['/api/ws/history'])

/** Thrown where a call ends with a status and a sentence. */
class CallRefused extends Error {
  constructor(status, sentence) {
    super(sentence)
    this.status = status
  }
}

/**
 * { userId, rooms, subscribe } for the core; undefined: nobody has found out, and a token of the request counts. `given`: by the
 * application, or a function of `req` that finds out. CallRefused where it refuses.
 */
async function identityOf(manager, given, call, req) {
  const words = wordsOf(req?.params, call.query)
  if (given === undefined) return PERSONAL.has(call.path) ? asked(manager, call, words) : undefined
  const value = typeof given === 'function' ? await given(req) : given
  const decided = decision(value, 'who makes a REST call: what was said')
  if (decided === null) throw new CallRefused(403, 'The application did not accept this call.')
  return checked(decided, words)
}

function checked(decided, words, error) {
  const sentence = misled(decided, words, error)
  if (sentence) throw new CallRefused(400, sentence)
  return decided
}

/** What the authenticate handler says. Whoever it refuses is nobody: the core answers by its rules. */
async function asked(manager, { path, query, headers, ip }, words) {
  const handler = manager._authenticator
  if (!handler || headers['x-api-key'] || (manager._takesTokens && /^bearer /i.test(headers.authorization ?? '')))
    return undefined
  // Behind a proxy nobody here knows yet whose address is whose; one that is not known opens nothing.
  const known = headers.forwarded === undefined && headers['x-forwarded-for'] === undefined
  const request = new Request({ path, query, headers, ip: known ? ip : '' })
  try {
    const decided = decision(await within(manager._number('auth_timeout'), handler(request)), 'an authenticate handler')
    return decided === null ? undefined : checked(decided, words)
  } catch (error) {
    if (error instanceof CallRefused) throw error
    if (!refusal(error)) manager.logger.error('authenticate: the handler threw', error)
    return undefined
  }
}

async function within(seconds, answer) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within auth_timeout (${seconds} s)`)), seconds * 1000)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What an error of the core means that an identity has caused; undefined if it is another. */
function refusedFor(identity, error, query) {
  const sentence = identity && error instanceof InvalidRoom && misled(identity, wordsOf({}, query), error)
  return sentence ? new CallRefused(400, sentence) : undefined
}

module.exports = { CallRefused, identityOf, refusedFor }
