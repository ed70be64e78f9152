// The answers to the runtime's question who a client is, and what handlers are to find with it.
'use strict'

const { BAD_REQUEST, misled } = require('./admission.js')
const encode = require('./encode.js')
const { WsManagerError } = require('./errors.js')

/** Milliseconds after which nobody comes any more for whom a state was kept: the connection was refused after all. */
const STATE_MS = 300_000

/** `state` of those who were let in and have not been announced yet: number of the connection → { at, state }, oldest first. */
class States {
  #kept = new Map()

  keep(conn, state, now = performance.now()) {
    if (state === undefined || conn === 0) return // 0: a REST call, of which no Connection is made
    for (const [old, { at }] of this.#kept) {
      if (now - at < STATE_MS) break
      this.#kept.delete(old)
    }
    this.#kept.set(conn, { at: now, state })
  }

  take(conn) {
    const state = this.#kept.get(conn)?.state
    this.#kept.delete(conn)
    return state
  }
}

/** Lets a client in as it was decided. What its own words have made impossible is its own fault: 4400. Other errors are thrown. */
function admit(manager, runtime, conn, ticket, decided, words) {
  const refused = (reason) => answer(manager, runtime, ticket, { allow: false, code: BAD_REQUEST, reason })
  const sentence = misled(decided, words)
  if (sentence) return refused(sentence)
  manager._states.keep(conn, decided.state)
  try {
    return answer(manager, runtime, ticket, { allow: true, ...decided })
  } catch (error) {
    manager._states.take(conn)
    throw error
  }
}

/** An answer to a question, of somebody who may have gone, to a runtime that may have stopped. */
function answer(manager, runtime, ticket, decided) {
  const { allow, userId, sessionId, rooms = [], subscribe = [], publish = [], code = 0, reason = '' } = decided
  const welcome = encode.welcome(decided.welcome, manager._encoder)
  const why = reason.slice(0, 123)
  try {
    runtime.authenticated(ticket, allow, userId, sessionId, rooms, code, why, publish, subscribe, welcome)
  } catch (error) {
    if (!(error instanceof WsManagerError) || error.code !== 'not_running') throw error
    manager.logger.debug(`an answer could not be given: ${error.message}`)
  }
}

module.exports = { States, admit, answer }
