// Several processes that nothing connects: each has clients of its own, and messages of the others never reach them.
'use strict'

const cluster = require('node:cluster')
const { isMainThread } = require('node:worker_threads')

const ALONE =
  'and nothing connects its ws_manager with those of the others: a message reaches only the clients of the process that sends it, and ' +
  "room history, presence and limits are each process's own. Run one process (it serves thousands of clients), or send through one by " +
  'POST /api/ws/broadcast: docs/production.md, Workers'

/** A runtime starts: the sentence where this process is one of several; pm2 starts its instances as workers of a cluster. */
function ofSeveral(env = process.env) {
  if (!isMainThread || !cluster.isWorker || env.instances === '1') return undefined
  const name = env.pm_id === undefined ? 'node:cluster' : 'pm2'
  return `process ${process.pid} is a worker of ${name}, ${ALONE}`
}

/** The first message is what starts a runtime: nobody has come in by any way, and in a process that another has forked nobody will. */
function senderAlone() {
  if (!isMainThread || cluster.isWorker || typeof process.send !== 'function') return undefined
  return `process ${process.pid}, which process ${process.ppid} has forked, sends a message and has no clients, ${ALONE}`
}

module.exports = { ofSeveral, senderAlone }
