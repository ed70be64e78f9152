// What one client's handlers have to do: one thing after the other, in the order in which it came. A chain exists only while something
// of its client is in hand: a handler that does not wait is called where its event is taken, and leaves nothing behind.
'use strict'

const { Receipt } = require('./receipt.js')
const { InvalidRoom, NotFound, Refused, WsManagerError } = require('./errors.js')
const { visible } = require('./log.js')

/** Milliseconds that handlers have when the runtime has stopped. */
const STOP_GRACE_MS = 1000

/**
 * What clients bring about in handlers that are as they should be: a name that is none, an end, one room too many. A trace of it, for
 * each of them, would help nobody.
 */
const BY_CLIENTS = [InvalidRoom, NotFound, Refused]

/** One call of a handler, and what becomes of its result. */
class Call {
  /**
   * done: gets the result. failed: it threw. refused: it threw what may mean a refusal; true if that was answered. size: towards
   * max_handler_queue. last: onDisconnect, which is not dropped. concurrent: the next one does not wait for it.
   */
  constructor(
    manager,
    what,
    handler,
    args,
    { done, failed, refused, size = 0, last = false, concurrent = false } = {},
  ) {
    const { logger } = manager
    Object.assign(this, { manager, logger, what, handler, args, done, failed, refused, size, last, concurrent })
  }

  /** Calls the handler; a promise that resolves when it has ended, undefined if it has already. */
  start() {
    try {
      const result = this.handler(...this.args)
      if (typeof result?.then === 'function' && !(this.done === undefined && result instanceof Receipt)) {
        return Promise.resolve(result)
          .then(this.done)
          .catch((error) => this.#report(error))
      }
      this.done?.(result)
    } catch (error) {
      this.#report(error)
    }
    return undefined
  }

  /** What becomes of what a handler threw: a refusal where it means one, else a log entry and the answer `internal`. */
  #report(error) {
    const kind = BY_CLIENTS.find((type) => error instanceof type)?.name
    if (kind) this.manager._seldom(`handler ${kind}`, 'warn', `${this.what}: ${kind}: ${visible(error.message)}`)
    if (this.refused && quietly(this.logger, () => this.refused(error))) return
    if (!kind) this.logger.error(`${this.what}: the handler threw`, error)
    if (this.failed) quietly(this.logger, this.failed)
  }
}

/** The calls of one client that are in hand or wait. */
class Chain {
  /** What is in hand and waits, as max_handler_queue counts it. */
  size = 0
  overflowed = false
  #connection
  #logger
  #empty
  #waiting = []
  #running = new Set()
  #head // whom the next one waits for
  #timer
  #gone = false

  /** empty: is called when nothing is left. */
  constructor(connection, logger, empty) {
    this.#connection = connection
    this.#logger = logger
    this.#empty = empty
  }

  /** Starts a call once those before it have ended. */
  add(call) {
    this.size += call.size
    this.#waiting.push(call)
    this.#goOn()
  }

  /** Takes one that has started. */
  hold(call, ended) {
    this.size += call.size
    this.#watch(call, ended)
  }

  #watch(call, ended) {
    this.#running.add(call)
    if (!call.concurrent) this.#head = call
    ended.finally(() => this.#ended(call))
  }

  #goOn() {
    while (this.#waiting.length > 0 && this.#head === undefined) {
      const call = this.#waiting.shift()
      const ended = call.start()
      if (ended === undefined) this.size -= call.size
      else this.#watch(call, ended)
    }
    if (this.#running.size > 0 || this.#waiting.length > 0) return
    clearTimeout(this.#timer)
    if (this.#gone) this.#connection._end()
    this.#empty()
  }

  #ended(call) {
    if (!this.#running.delete(call)) return // it was given up
    this.size -= call.size
    if (call === this.#head) this.#head = undefined
    this.#goOn()
  }

  /** The client has gone: after so long nobody waits any more for what still goes on, and its signal is aborted. */
  endWithin(ms) {
    this.#gone = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#expire(ms), ms)
    this.#timer.unref()
  }

  #expire(ms) {
    const waiting = this.#waiting.length
    this.#waiting = this.#waiting.filter((call) => call.last)
    const dropped = waiting - this.#waiting.length
    const running = [...this.#running].filter((call) => !call.last)
    if (running.length > 0 || dropped > 0) {
      const what = running.map((call) => call.what).join(', ') || 'nothing'
      this.#logger.warn(
        `client ${this.#connection.clientId} has gone: ${what} did not end within handler_timeout (${ms / 1000} s) and is not waited ` +
          `for; messages that were not handled any more: ${dropped}`,
      )
    }
    this.#connection._end()
    for (const call of running) this.#ended(call)
    if (running.length === 0) this.#goOn()
  }
}

/** An answer to somebody who may have gone, of a runtime that may have stopped: true then. */
function quietly(logger, call) {
  try {
    return call()
  } catch (error) {
    if (!(error instanceof WsManagerError)) throw error
    logger.debug(`an answer could not be given: ${error.message}`)
    return true
  }
}

module.exports = { Call, Chain, STOP_GRACE_MS, quietly }
