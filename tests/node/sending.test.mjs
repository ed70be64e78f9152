// The sending calls: where messages go, what can be sent, and what becomes of receipts.
import assert from 'node:assert/strict'
import test from 'node:test'
import * as ws from 'ws_manager'
import { connect, eventually, program } from './support.mjs'

const { EventType, WebSocketManager } = ws

async function listening(t, options) {
  const manager = new WebSocketManager(options)
  const port = await manager.listen({ port: 0 })
  t.after(() => manager.stop(0))
  return { manager, url: `ws://127.0.0.1:${port}` }
}

test('each call reaches whom it names', async (t) => {
  const { manager, url } = await listening(t)
  const a = await connect(t, `${url}/ws?session_id=s1`)
  const b = await connect(t, `${url}/ws/project/PROJ-001`)
  const counts = async (receipt) => (await receipt).recipients
  assert.equal(await counts(manager.broadcast({ type: 'all' })), 1)
  assert.equal(await counts(manager.sendToProject('PROJ-001', EventType.NOTIFICATION, { title: 'Deploy' })), 1)
  assert.equal(await counts(manager.sendToProject('PROJ-001', { type: 'whole' })), 1)
  assert.equal(await counts(manager.sendToSession('s1', { type: 'session' })), 1)
  assert.equal(await counts(manager.sendToClient(a.id, { type: 'client' })), 1)
  assert.equal(await counts(manager.sendToRoom('project:PROJ-001', { type: 'room' })), 1)
  assert.equal(await counts(manager.publishToChannel(['project:PROJ-001', 'nobody'], { type: 'channel' })), 1)
  assert.equal(await counts(manager.broadcast({ type: 'none' }, [a.id])), 0)
  assert.equal(await counts(manager.broadcast({ type: 'none' }, { exclude: a.id })), 0)
  for (const type of ['all', 'session', 'client']) await a.next(type)
  for (const type of ['notification', 'whole', 'room', 'channel']) await b.next(type)
})

test('events of the catalogue: the whole data, or the fields in order', async (t) => {
  const { manager, url } = await listening(t)
  const client = await connect(t, `${url}/ws`)
  manager.notifyPipelineUpdate({ pipeline_id: '1', status: 'a' })
  manager.notifyPipelineUpdate('2', 'b', 50)
  manager.notify_pipeline_update('3', 'c', undefined, 'words', undefined, undefined, { priority: 'critical' })
  manager.notifyPipelineError('4', 'broken')
  const datas = []
  for (let i = 0; i < 3; i++) datas.push((await client.next('pipeline_update')).data)
  assert.deepEqual(datas, [
    { pipeline_id: '1', status: 'a' },
    { pipeline_id: '2', status: 'b', progress: 50 },
    { pipeline_id: '3', status: 'c', message: 'words' },
  ])
  assert.equal((await client.next('pipeline_error_update')).data.severity, 'error')
  assert.throws(() => manager.notifyPipelineUpdate('1'), /notifyPipelineUpdate\(\) needs status/)
  assert.throws(() => manager.notifyPipelineUpdate({ pipeline_id: '1' }, {}, 'no'), TypeError)
  assert.throws(() => manager.notifyPipelineUpdate({ pipeline_id: '1' }, { rom: 'x' }), /'rom' is no option/)
})

test('notify: any event, options, and members of the envelope', async (t) => {
  const { manager, url } = await listening(t)
  const client = await connect(t, `${url}/ws/project/P`)
  await manager.notify('order_paid', { total: 9.5 }, { project_id: 'P', tags: ['a'] })
  const message = await client.next('order_paid')
  assert.deepEqual(message.data, { total: 9.5 })
  assert.deepEqual(message.tags, ['a'])
  assert.equal(message.project_id, 'P')
})

test('text, bytes, and all that JSON can say', async (t) => {
  const { manager, url } = await listening(t)
  const client = await connect(t, `${url}/ws`)
  manager.broadcast('plain')
  manager.broadcast(Buffer.from([1, 2, 3]))
  manager.broadcast(new Uint16Array([513]).buffer)
  manager.broadcast([1, 'é', null])
  manager.broadcast({ long: 'é€😀'.repeat(3000) })
  assert.equal(await client.next((message) => message === 'plain'), 'plain')
  assert.deepEqual(await client.next((message) => message instanceof Buffer), Buffer.from([1, 2, 3]))
  assert.deepEqual(await client.next((message) => message instanceof Buffer), Buffer.from([1, 2]))
  assert.equal(await client.next((message) => String(message).startsWith('[')), '[1,"é",null]')
  assert.equal((await client.next((message) => message.long)).long, 'é€😀'.repeat(3000))
})

test('a string of any length arrives whole, whatever its characters', async (t) => {
  const { manager, url } = await listening(t)
  const client = await connect(t, `${url}/ws`)
  for (const length of [4089, 4090, 4091, 4092, 4093, 4094, 4095, 4096, 4097, 100_000]) {
    for (const text of ['a'.repeat(length), 'é'.repeat(length / 2), 'x' + '😀'.repeat(length / 4)]) {
      manager.broadcast(text)
      assert.equal(await client.next((message) => typeof message === 'string'), text)
    }
  }
})

test('what cannot be encoded is a TypeError that names the place', async (t) => {
  const { manager } = await listening(t)
  const circle = { a: { b: [] } }
  circle.a.b.push(circle)
  assert.throws(() => manager.notifyPipelineUpdate({ pipeline_id: '1', extra: { n: [0, 10n] } }), {
    name: 'TypeError',
    message: 'data.extra.n[1]: a BigInt cannot be encoded as JSON; send it as a string',
  })
  assert.throws(() => manager.broadcast(circle), { name: 'TypeError', message: 'message.a.b[0]: it contains itself' })
  assert.throws(() => manager.broadcast(() => {}), { name: 'TypeError', message: /a function cannot be encoded/ })
  assert.throws(() => manager.notify('x', Buffer.from('bytes')), {
    name: 'TypeError',
    message: /bytes cannot be encoded/,
  })
  assert.throws(() => manager.broadcast({ toJSON: () => assert.fail('mine') }), { name: 'AssertionError' })
  assert.throws(() => manager.sendToUser({}, 'x'), { name: 'TypeError', message: /userId must be a string/ })
})

test('errors have a class and a code', async (t) => {
  const { manager } = await listening(t)
  assert.throws(
    () => manager.sendToRoom('no room', {}),
    (error) => {
      assert.ok(error instanceof ws.InvalidRoom)
      assert.ok(error instanceof ws.WsManagerError)
      assert.equal(error.code, 'room_invalid')
      assert.equal(error.name, 'InvalidRoom')
      return true
    },
  )
  assert.throws(() => manager.broadcast({}, { priority: 'high' }), { code: 'invalid_argument' })
  assert.throws(() => manager.broadcast({}, { level: 'loud' }), { code: 'invalid_argument' })
  assert.throws(() => manager.broadcast({}, { maxRate: 0 }), { code: 'invalid_argument' })
  assert.throws(() => new WebSocketManager({ heartbeatInterval: 'x' }), { name: 'ConfigError', code: 'config' })
  assert.throws(() => new WebSocketManager({ nonsense: 1 }), {
    name: 'ConfigError',
    message: /there is no option 'nonsense'/,
  })
})

test('a second message with an id is answered by the position of the first, and not sent', async (t) => {
  const { manager, url } = await listening(t)
  const client = await connect(t, `${url}/ws`)
  const calls = [
    () => manager.broadcast({ type: 'x' }, { once: 7 }),
    () => manager.notify('x', {}, { once: 'seven', room: '@all' }),
    () => manager.notifyPipelineUpdate({ pipeline_id: '7', status: 'x' }, { once: 8n, room: '@all' }),
    () => manager.sendToClient(client.id, { type: 'x' }, { once: 'c' }),
  ]
  for (const call of calls) {
    const first = await call()
    assert.deepEqual([first.recipients, first.duplicate, first.stored], [1, false, false])
    const second = await call()
    assert.deepEqual(second, { ...first, recipients: 0, messageId: '', duplicate: true })
  }
  for (const once of ['', 'a\nb', 'x'.repeat(129)]) {
    assert.throws(() => manager.broadcast({}, { once }), { code: 'invalid_argument', message: /once/ })
  }
  assert.throws(() => manager.broadcast({}, { once: 1.5 }), TypeError)
})

test('a receipt may be awaited, chained, or looked at; late as well as early', async (t) => {
  const { manager, url } = await listening(t)
  await connect(t, `${url}/ws`)
  const receipt = manager.broadcast({ type: 'x' })
  const delivery = await receipt
  assert.deepEqual(Object.keys(delivery), [
    'recipients',
    'room',
    'epoch',
    'offset',
    'messageId',
    'superseded',
    'stored',
    'duplicate',
  ])
  assert.deepEqual(await receipt, delivery)
  assert.equal(receipt.done(), true)
  assert.deepEqual(receipt.delivery(), delivery)
  assert.equal(await manager.broadcast({}).then((one) => one.recipients), 1)
  let settled = false
  await manager.broadcast({}).finally(() => (settled = true))
  assert.ok(settled)
  const many = await Promise.all(Array.from({ length: 1000 }, () => manager.broadcast({ type: 'y' })))
  assert.deepEqual(
    many.map((one) => one.offset),
    many.map((one, i) => many[0].offset + i),
  )
})

test('receipts of a full queue say so when asked, and only then', async (t) => {
  const { manager } = await listening(t, { maxPending: 8192, maxPublishSize: 2000 })
  let unhandled = 0
  const count = () => unhandled++
  process.on('unhandledRejection', count)
  t.after(() => process.off('unhandledRejection', count))
  const send = () => Array.from({ length: 500 }, () => manager.broadcast({ text: 'x'.repeat(500) }))
  const failed = await eventually(async () => {
    const states = await Promise.allSettled(send())
    return states.find((state) => state.status === 'rejected')
  }, 'a queue that is full')
  assert.equal(failed.reason.code, 'overloaded')
  for (const receipt of send()) {
    receipt.then(() => {})
    receipt.then(() => {})
    receipt.finally(() => {})
  }
  await eventually(() => manager.stats().then(() => true))
  await new Promise(setImmediate)
  assert.equal(unhandled, 0)
})

test('after stop() messages are dropped, once with a warning, and receipts say not_running', async (t) => {
  const { manager } = await listening(t)
  const warnings = []
  manager.logger = { debug() {}, info() {}, error() {}, warn: (line) => warnings.push(line) }
  await manager.stop(0)
  await assert.rejects(async () => manager.broadcast({ type: 'x' }), { code: 'not_running' })
  manager.broadcast({ type: 'x' })
  assert.equal(warnings.length, 1)
  await assert.rejects(manager.stats(), { code: 'not_running' })
  manager.start()
  assert.equal((await manager.broadcast({ type: 'x' })).recipients, 0)
})

test('receipts are collected, and the core’s with them', async () => {
  const { code, stdout, stderr } = await program(
    `import { wsManager } from 'ws_manager'
     wsManager.start()
     const size = () => { gc(); return process.memoryUsage.rss() }
     const send = async (rounds) => {
       for (let i = 0; i < rounds; i++) { for (let j = 0; j < 1000; j++) wsManager.broadcast('x'); await wsManager.broadcast('y'); gc() }
     }
     await send(100)
     const before = size()
     await send(300)
     const grown = (size() - before) / 2 ** 20
     console.log(grown < 30 ? 'flat' : 'grown by ' + grown + ' MiB')`,
    // A sanitizer keeps what was freed for a while.
    { args: ['--expose-gc'], env: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=4` } },
  )
  assert.equal(stderr, '')
  assert.equal(stdout, 'flat\n')
  assert.equal(code, 0)
})

test('the module’s functions are those of the default manager, under both names', () => {
  for (const [name, value] of Object.entries(ws)) assert.notEqual(value, undefined, name)
  assert.equal(ws.ws_manager, ws.wsManager)
  assert.equal(ws.notify_new_log, ws.notify_new_log)
  assert.equal(typeof ws.send_to_user, 'function')
  assert.equal(ws.wsManager.send_to_user, ws.wsManager.sendToUser)
})

test('a receipt reports what became of each delivery', async (t) => {
  const { manager, url } = await listening(t)
  const client = await connect(t, `${url}/ws`)
  const plain = { conflated: 0, dropped: 0, lagging: 0, pending: 0 }
  const report = await manager.broadcast({ type: 'x' }, { report: true }).report()
  assert.deepEqual(report, { deliveries: 1, written: 1, ...plain, settled: true })
  await assert.rejects(manager.broadcast({ type: 'x' }).report(), { name: 'InvalidArgument', code: 'invalid_argument' })

  client.ws.pause()
  const receipts = []
  let held
  await eventually(async () => {
    receipts.push(manager.broadcast({ type: 'large', text: 'a'.repeat(500_000) }, { report: true }))
    held = await receipts.at(-1).report({ timeout: 0.01 })
    return !held.settled
  }, 'a client that is behind')
  assert.equal(held.deliveries, held.lagging + held.pending)
  const later = receipts.at(-1).report({ timeout: null })
  const again = receipts.at(-1).report({ timeout: null })
  client.ws.resume()
  assert.deepEqual(await later, { deliveries: 1, written: 1, ...plain, settled: true })
  assert.deepEqual(await again, await later)

  await manager.stop(0)
  await assert.rejects(manager.broadcast({ type: 'x' }, { report: true }).report(), { code: 'not_running' })
})

test('what the catalogue does not allow is told once, is an error where that is wished, or nobody’s business', async (t) => {
  const incomplete = { pipeline_id: '7', frame_data: { frame_id: 1 } }
  const warnings = []
  const { manager, url } = await listening(t)
  manager.logger = { ...manager.logger, warn: (...parts) => warnings.push(parts.join(' ')) }
  const client = await connect(t, `${url}/ws`)
  for (let i = 0; i < 3; i++) manager.notifyPipelineFrame(incomplete)
  manager.notifyPipelineUpdate({ pipeline_id: '7', status: null })
  assert.deepEqual((await client.next('pipeline_frame_update')).data, incomplete)
  await eventually(() => warnings.length >= 2)
  assert.match(warnings[0], /event "pipeline_frame_update": frame_data.timestamp is missing, not a number/)
  assert.match(warnings[1], /event "pipeline_update": status is null, not a text/)
  assert.equal(warnings.length, 2)

  const strict = await listening(t, { checkEvents: 'error' })
  assert.throws(
    () => strict.manager.notifyPipelineFrame(incomplete),
    (error) => error.code === 'invalid_argument' && /frame_data.timestamp is missing, not a number/.test(error.message),
  )
  strict.manager.notify('order_paid', incomplete) // of the application's own: anything goes
  const off = await listening(t, { checkEvents: 'off' })
  assert.equal((await off.manager.notifyPipelineFrame(incomplete)).recipients, 0)
  await assert.rejects(async () => new WebSocketManager({ checkEvents: 'loud' }).listen({ port: 0 }), /check_events/)
})

test('the option encoder is a replacer of JSON.stringify()', async (t) => {
  const manager = new WebSocketManager({
    encoder: (key, value) =>
      typeof value === 'bigint' ? String(value) : value instanceof Map ? Object.fromEntries(value) : value,
  })
  manager.onCommand('big', () => 1n)
  const port = await manager.listen({ port: 0 })
  t.after(() => manager.stop(0))
  const client = await connect(t, `ws://127.0.0.1:${port}/ws/notifications`)
  manager.broadcast({ type: 'a', n: 5n })
  manager.notify('b', new Map([['n', 6n]]), { beside: 7n })
  client.send({ action: 'big' })
  assert.equal((await client.next('a')).n, '5')
  const { data, beside } = await client.next('b')
  assert.deepEqual([data, beside], [{ n: '6' }, '7'])
  assert.equal((await client.next('reply')).data, '1')
  assert.throws(() => manager.configure({ encoder: null }), { code: 'config' }) // it runs
  assert.throws(() => new WebSocketManager({ encoder: 'json' }), { code: 'config', message: /must be a function/ })
})
