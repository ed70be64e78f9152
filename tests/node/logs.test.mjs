// The application's log, live.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import pino from 'pino'
import { WebSocketManager } from 'ws_manager'
import { connect } from './support.mjs'

async function reader(t) {
  const manager = new WebSocketManager()
  const port = await manager.listen()
  t.after(() => manager.stop(0))
  const client = await connect(t, `ws://127.0.0.1:${port}/ws/logs`)
  return { manager, next: async () => (await client.next('log_message')).data }
}

test('the console', async (t) => {
  const { manager, next } = await reader(t)
  const printed = []
  const target = Object.fromEntries(
    ['debug', 'log', 'info', 'warn', 'error'].map((name) => [name, (...parts) => printed.push([name, ...parts])]),
  )
  const end = manager.captureConsole({ level: 'info', source: 'app', console: target })
  target.debug('not this')
  target.log('count %d', 7, { a: 1 })
  target.error(new Error('mine'))
  assert.deepEqual(await next(), { level: 'info', message: 'count 7 { a: 1 }', source: 'app' })
  const error = await next()
  assert.equal(error.level, 'error')
  assert.match(error.message, /^Error: mine\n {4}at /)
  end()
  target.log('nobody sends this')
  assert.equal(printed.length, 4)
  assert.throws(() => manager.captureConsole({ level: 'loud' }), TypeError)
})

test('pino', async (t) => {
  const { manager, next } = await reader(t)
  const log = pino({ level: 'debug', name: 'app' }, manager.pinoStream())
  log.debug('a')
  log.warn({ user: 1 }, 'b')
  log.error(new Error('c'))
  log.fatal('d')
  assert.deepEqual(await next(), { level: 'debug', message: 'a', source: 'app' })
  assert.deepEqual(await next(), { level: 'warning', message: 'b', source: 'app' })
  const error = await next()
  assert.equal(error.level, 'error')
  assert.match(error.message, /^c\nError: c\n/)
  assert.equal((await next()).level, 'critical')
})

test('a log line neither starts the runtime nor fails', () => {
  const manager = new WebSocketManager()
  const stream = manager.pinoStream()
  stream.write('{"level":30,"msg":"x"}\n')
  stream.write('no JSON')
  assert.equal(manager.running, false)
})

test('what a handler throws stands on the console with nothing hidden in it, and forges no line', () => {
  const code = `
    const { WebSocketManager } = require('ws_manager')
    const { logger } = new WebSocketManager()
    const words = 'board \\u001b[2J\\nws_manager: forged\\u202e\\n    at forged (a.js:1)'
    const inner = Object.assign(new RangeError(words), { code: 'E\\u001b' })
    logger.error('onMessage: the handler threw', new Error(words, { cause: inner }))
    logger.error('onMessage: the handler threw', words)
    logger.warn(words, new AggregateError([new Error(words)], words), { words })
  `
  const { stderr, status } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.doesNotMatch(stderr, /[^\n\x20-\x7e]/)
  assert.doesNotMatch(stderr, /^\s*(ws_manager: forged|at forged)/m)
  assert.match(
    stderr,
    /^ws_manager: onMessage: the handler threw Error: board \\x1b\[2J\\x0aws_manager: forged\\u\{202e\}/m,
  )
  assert.match(stderr, /^ {4}at /m)
  assert.match(stderr, /caused by RangeError: board/)
})
