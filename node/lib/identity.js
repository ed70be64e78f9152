// Who makes a REST call: what the application says, or its authenticate handler, which the core has asked for as for a socket.
'use strict'

const { BAD_REQUEST, INTERNAL_ERROR, decision, misled, refusal, wordsOf } = require('./admission.js')
const { Request } = require('./connection.js')

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
  if (given === undefined) return undefined
  const words = wordsOf(req?.params, call.query, call.headers)
  const value = typeof given === 'function' ? await saidBy(given, req) : given
  const decided = decidedBy(manager, value)
  if (decided === null) throw new CallRefused(403, 'The application did not accept this call.')
  const sentence = misled(decided, words)
  if (sentence) throw new CallRefused(400, sentence)
  return decided
}

/** What the function says; its refusal is the call's, as an endpoint's is the socket's. */
async function saidBy(given, req) {
  try {
    return await given(req)
  } catch (error) {
    const meant = refusal(error)
    if (meant === undefined) throw error
    throw new CallRefused(STATUS[meant.code] ?? 403, meant.reason || 'The application did not accept this call.')
  }
}

/** HTTP for close codes, as the core has them. */
const STATUS = { 4400: 400, 4401: 401, 4429: 429 }

function decidedBy(manager, value) {
  try {
    return decision(value, 'who makes a REST call')
  } catch (error) {
    if (refusal(error)?.code !== BAD_REQUEST) throw error
    manager._seldom('ids', 'warn', `refused: a REST call (400): ${error.message}`)
    throw new CallRefused(400, error.message)
  }
}

/**
 * What the authenticate handler says to the core's question, as `identity` of a second call: who it is, or { refused, code, reason };
 * undefined if it says nothing in time.
 */
async function asked(manager, question) {
  const request = new Request(JSON.parse(question))
  const refused = (code = 0, reason = '') => ({ refused: true, code, reason })
  try {
    const value = await within(manager._number('auth_timeout'), manager._authenticator(request))
    const decided = decision(value, 'authenticate')
    if (decided === null) return refused()
    const sentence = misled(decided, wordsOf(request.pathParams, request.query, request.headers))
    return sentence ? refused(BAD_REQUEST, sentence) : decided
  } catch (error) {
    const meant = refusal(error)
    if (meant) return refused(meant.code, meant.reason)
    manager.logger.error('authenticate: the handler threw', error)
    return error instanceof Late ? undefined : refused(INTERNAL_ERROR, 'The authentication handler failed.')
  }
}

class Late extends Error {}

async function within(seconds, answer) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Late(`no answer within auth_timeout (${seconds} s)`)), seconds * 1000)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

module.exports = { CallRefused, asked, identityOf }
