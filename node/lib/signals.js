// SIGTERM and SIGINT: where nobody else handles them, clients are told, in waves, before the process ends.
'use strict'

const os = require('node:os')
const { isMainThread } = require('node:worker_threads')

const SIGNALS = ['SIGTERM', 'SIGINT']

/** Managers that are stopped at a signal. */
const managers = new Set()

let listening = false
let ending = false

function drainAtSignals(manager) {
  if (!isMainThread) return // a worker gets no signals
  if (!listening) for (const signal of SIGNALS) process.on(signal, onSignal)
  listening = true
  managers.add(manager)
}

/** A manager that was stopped: nobody waits for it at a signal. */
function forget(manager) {
  managers.delete(manager)
}

/** Who handles signals itself says when the process ends, and so when stop() is called. */
function othersHandle(signal) {
  return process.listenerCount(signal) - polite(signal) > 1
}

/**
 * Listeners of the package signal-exit, which many tools bring along. They act only where they are alone; we do so likewise, and if
 * each waited for the other the process would never end.
 */
function polite(signal) {
  const emitters = [process.__signal_exit_emitter__, globalThis[Symbol.for('signal-exit emitter')]]
  const counts = emitters.map((emitter) => (Number.isInteger(emitter?.count) ? emitter.count : 0))
  return Math.min(
    counts.reduce((sum, count) => sum + count, 0),
    process.listenerCount(signal) - 1,
  )
}

async function onSignal(signal) {
  if (othersHandle(signal)) return
  if (!ending) {
    ending = true
    await Promise.allSettled([...managers].map((manager) => manager.stop()))
  }
  // A second signal comes here at once: whoever sends it wants no waiting.
  for (const name of SIGNALS) process.off(name, onSignal)
  // Process 1 of a container does not die of a signal that nobody handles: the kernel drops it.
  if (process.pid === 1) process.exit(128 + os.constants.signals[signal])
  process.kill(process.pid, signal)
}

module.exports = { drainAtSignals, forget }
