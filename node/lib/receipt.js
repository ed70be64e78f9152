// Receipts: what became of one publication.
'use strict'

const native = require('./native.js')
const { errorOf, InvalidArgument, NotRunning } = require('./errors.js')

const { BATCH_SIZE } = native

/** The longest that a timer of Node's can run, in milliseconds. */
const LONGEST = 2 ** 31 - 1

/** Receipts of one Runtime that are being waited for, and the batch in which the next ones stand. */
class Receipts {
  constructor(runtime) {
    this.runtime = runtime
    this.waiting = new Map()
    this.reports = new Map()
    this.token = 0
    this.next()
  }

  next() {
    this.batch = new native.Batch()
    this.batch.receipts = this
    this.runtime.batch(this.batch)
  }

  /** The Receipt of a publication, by what Runtime.publish() returned. */
  receipt(place) {
    if (place < 0) return new Receipt(null, place)
    const receipt = new Receipt(this.batch, place)
    if (place === BATCH_SIZE - 1) this.next()
    return receipt
  }

  /** Calls `done` once the outcome of a receipt is there. Until then the process does not end by itself. */
  wait(batch, place, done) {
    const token = (this.token = (this.token + 1) >>> 0)
    if (!this.runtime.watch(batch, place, token)) {
      done()
      return
    }
    if (this.waiting.size === 0) this.runtime.hold()
    this.waiting.set(token, done)
  }

  /** Calls `done` once the report of a receipt is settled. Who waits keeps the process alive. */
  waitReport(batch, place, done) {
    const token = (this.token = (this.token + 1) >>> 0)
    if (this.runtime.watchReport(batch, place, token)) this.reports.set(token, done)
    else done()
  }

  /** The event of a receipt or of its report has come. */
  complete(token) {
    const report = this.reports.get(token)
    if (this.reports.delete(token)) {
      report()
      return
    }
    const done = this.waiting.get(token)
    if (!this.waiting.delete(token)) return
    if (this.waiting.size === 0) this.runtime.release()
    done()
  }

  /** The Runtime has left its hub: no more events come. */
  close() {
    const waiting = [...this.waiting.values(), ...this.reports.values()]
    if (this.waiting.size > 0) this.runtime.release()
    this.waiting.clear()
    this.reports.clear()
    for (const done of waiting) done()
  }
}

const ignore = () => {}

/**
 * What became of one publication. It may be ignored, awaited, or chained like a promise; ignored, it never rejects. Only the
 * outcome that somebody asks for is looked up.
 */
class Receipt {
  #batch
  #place
  #outcome
  #settled

  constructor(batch, place) {
    this.#batch = batch
    this.#place = place
  }

  /** Whether the runtime has handled the publication. */
  done() {
    return this.#batch === null || this.#batch.look(this.#place) !== undefined
  }

  /** The outcome, or undefined while it is pending. Throws what an awaited receipt rejects with. */
  delivery() {
    const row = this.#batch === null ? [this.#place] : this.#batch.look(this.#place)
    if (row === undefined) return undefined
    const [status, recipients, room, epoch, offset, messageId, superseded, stored, duplicate] = row
    if (status !== 0) throw errorOf(status)
    return { recipients, room, epoch, offset, messageId, superseded, stored, duplicate }
  }

  async report({ timeout = 5 } = {}) {
    if (this.#batch !== null) this.#figures()
    await this
    if (!this.#figures().settled) {
      this.#settled ??= new Promise((resolve) => this.#batch.receipts.waitReport(this.#batch, this.#place, resolve))
      let timer
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, Math.min(Math.max((timeout ?? Infinity) * 1000, 0), LONGEST))
      })
      await Promise.race([this.#settled, late])
      clearTimeout(timer)
    }
    return this.#figures()
  }

  #figures() {
    const row = this.#batch.figures(this.#place)
    if (row === undefined) throw new InvalidArgument('this message was sent without report: true')
    const [deliveries, written, conflated, dropped, lagging, pending, settled] = row
    return { deliveries, written, conflated, dropped, lagging, pending, settled }
  }

  then(fulfilled, rejected) {
    const promise = this.#promise().then(fulfilled, rejected)
    promise.catch(ignore)
    return promise
  }

  catch(rejected) {
    return this.then(undefined, rejected)
  }

  finally(settled) {
    const promise = this.#promise().finally(settled)
    promise.catch(ignore)
    return promise
  }

  /** One for all who wait: the runtime tells of each receipt once. */
  #promise() {
    return (this.#outcome ??= this.#wait())
  }

  #wait() {
    const outcome = new Promise((resolve, reject) => {
      const settle = () => {
        try {
          const delivery = this.delivery()
          if (delivery === undefined) reject(new NotRunning())
          else resolve(delivery)
        } catch (error) {
          reject(error)
        }
      }
      if (this.done()) settle()
      else this.#batch.receipts.wait(this.#batch, this.#place, settle)
    })
    outcome.catch(ignore)
    return outcome
  }

  get [Symbol.toStringTag]() {
    return 'Receipt'
  }
}

module.exports = { Receipt, Receipts }
