// What becomes of a connection that is to join a room or to leave one: a promise that may be ignored.
'use strict'

const { NotFound, NotRunning } = require('./errors.js')
const { visible } = require('./log.js')

/**
 * What went wrong is told to who waits. Where nobody does, a line in the log has it: rejections that nobody takes would end the process,
 * and who names the rooms, or goes away, could bring one about.
 */
class Move extends Promise {
  #heard = false

  static get [Symbol.species]() {
    return Promise
  }

  /** `what`: the call, for the log. `made`: the promise of the runtime. */
  static of(manager, what, made) {
    const move = new Move((resolve, reject) => made.then(resolve, reject))
    const tell = (error) => setImmediate(() => move.#heard || told(manager, what, error))
    Promise.prototype.then.call(move, undefined, tell)
    return move
  }

  then(...handlers) {
    this.#heard = true
    return super.then(...handlers)
  }
}

function told(manager, what, error) {
  if (error instanceof NotFound || error instanceof NotRunning) return // Who has gone is nobody's mistake.
  const advice = 'wait for it (await) to tell the client'
  manager._seldom(`${what} ${error.code ?? error.name}`, 'warn', `${what}: ${visible(error.message)}; ${advice}`)
}

module.exports = { Move }
