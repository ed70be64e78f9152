// Rooms on disk, over real ends of the process: by itself, and by kill -9.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { WebSocketManager, StoreLocked, StoreNotConfigured } from 'ws_manager'
import { connect, eventually } from './support.mjs'

const MONTHS = 90 * 86400
const RULES = {
  'kept:*': { store: 'disk', historySize: 1000, historyTtl: MONTHS },
  '@user:*': { store: 'disk', historyTtl: MONTHS },
}

/** A process that is told what to call: a line of JSON in, a line with what came of it out. */
const SERVER = `import { createInterface } from 'node:readline'
  import { WebSocketManager } from 'ws_manager'
  const { store, rooms } = JSON.parse(process.argv[1])
  const manager = new WebSocketManager({ store, rooms, access: 'open' })
  manager.authenticate((request) => request.query.get('user'))
  console.log(await manager.listen({ port: 0 }))
  for await (const line of createInterface({ input: process.stdin })) {
    const [call, ...args] = JSON.parse(line)
    const failed = ({ name, code }) => ({ error: name, code })
    console.log(JSON.stringify((await Promise.resolve(manager[call](...args)).catch(failed)) ?? null))
  }
  await manager.stop(2)`

function folder(t) {
  const at = mkdtempSync(path.join(tmpdir(), 'wsm-disk-'))
  t.after(() => rmSync(at, { recursive: true }))
  return path.join(at, 'ws.db')
}

async function serving(t, store, rooms = RULES) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SERVER, JSON.stringify({ store, rooms })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { done, value } = await lines.next()
    assert.ok(!done, 'the server has ended')
    return JSON.parse(value)
  }
  const port = await next()
  return {
    call(...words) {
      child.stdin.write(JSON.stringify(words) + '\n')
      return next()
    },
    /** Of the size of its files. */
    limit: (size) => execFileSync('prlimit', ['--pid', child.pid, `--fsize=${size}:`]),
    client: (user) => connect(t, `ws://127.0.0.1:${port}/ws?user=${user}`),
    async end(kill) {
      if (kill) child.kill('SIGKILL')
      else child.stdin.end()
      assert.deepEqual(await once(child, 'exit'), kill ? [null, 'SIGKILL'] : [0, null])
    },
  }
}

const n = (number) => ({ type: 'n', data: number })

async function heard(client, ...numbers) {
  for (const number of numbers) assert.equal((await client.next('n')).data, number)
}

async function silent(client) {
  client.send({ action: 'ping' })
  await client.next('pong')
  assert.deepEqual(client.messages, [])
}

async function subscribe(client, room, { epoch, offset } = {}) {
  client.send({ action: 'subscribe', room, ...(epoch && { since: { epoch, offset } }) })
  return (await client.next('subscribed')).data
}

async function left(server, client) {
  client.ws.close()
  await client.end()
  await eventually(async () => (await server.call('stats')).active_connections === 0, 'nobody is left')
}

for (const kill of [false, true]) {
  const how = kill ? 'kill -9' : 'a stop'

  test(`history, positions, ids and exclusions survive ${how}`, async (t) => {
    const store = folder(t)
    let server = await serving(t, store)
    const first = await server.call('sendToRoom', 'kept:1', n(1), { once: 'job-7' })
    assert.deepEqual([first.offset, first.stored, first.duplicate], [1, true, false])
    await server.call('sendToRoom', 'kept:1', n(2), { exclude: ['ana'] })
    await server.call('sendToRoom', 'kept:1', n(3))
    await server.end(kill)

    server = await serving(t, store)
    const history = await server.call('history', 'kept:1')
    assert.deepEqual(
      history.messages.map((message) => message.data),
      [1, 3], // what is not for everyone is in nobody's question
    )
    const ana = await server.client('ana')
    const bea = await server.client('bea')
    assert.equal((await subscribe(ana, 'kept:1', first)).recovered, true)
    await heard(ana, 3)
    await subscribe(bea, 'kept:1', first)
    await heard(bea, 2, 3)
    const again = await server.call('sendToRoom', 'kept:1', n(4), { once: 'job-7' })
    assert.deepEqual(again, { ...first, recipients: 0, messageId: '', stored: true, duplicate: true })
    await silent(ana)
    const next = await server.call('sendToRoom', 'kept:1', n(5))
    assert.deepEqual([next.offset, next.epoch], [4, first.epoch])
    await heard(ana, 5)
    await server.end(false)
  })

  test(`who was away gets what was kept, once, over ${how}`, async (t) => {
    const store = folder(t)
    let server = await serving(t, store)
    const before = await server.client('ana')
    await server.call('sendToUser', 'ana', n(1))
    await heard(before, 1)
    await left(server, before)
    await server.call('sendToUser', 'ana', n(2)) // what was sent to whom is written along with it
    await server.end(kill)

    server = await serving(t, store)
    let ana = await server.client('ana')
    await heard(ana, 2)
    await silent(ana)
    await left(server, ana)
    await server.call('sendToRoom', 'kept:1', n(1))
    await server.end(kill)

    server = await serving(t, store)
    ana = await server.client('ana')
    await silent(ana)
    await server.end(false)
  })
}

test('a room that leaves the disk and comes back tells its clients of new epochs', async (t) => {
  const server = await serving(t, folder(t))
  const first = await server.call('sendToRoom', 'kept:1', n(1))
  const client = await server.client('ana')
  await subscribe(client, 'kept:1', first)
  const epochs = [first.epoch]
  for (const store of ['memory', 'disk']) {
    await server.call('room', 'kept:1', { store })
    const sent = await server.call('sendToRoom', 'kept:1', n(2))
    assert.equal(sent.stored, store === 'disk')
    const { epoch } = (await client.next('gap')).data
    assert.ok(!epochs.includes(epoch))
    assert.equal(sent.epoch, epoch)
    epochs.push(epoch)
    await heard(client, 2)
  }
  await server.end(false)
})

test('disk needs a file, which is for one process', async (t) => {
  const store = folder(t)
  const plain = new WebSocketManager()
  assert.throws(() => plain.room('kept:*', { store: 'disk' }), {
    name: 'StoreNotConfigured',
    code: 'store_not_configured',
    message: /WEBSOCKET_STORE/,
  })
  assert.ok(new StoreNotConfigured() instanceof Error)
  const server = await serving(t, store)
  const second = new WebSocketManager({ store, storeWait: 0 })
  assert.throws(() => second.start(), StoreLocked)
  await server.end(false)
})

test('what cannot be kept is not sent, and its receipt says unavailable', async (t) => {
  const server = await serving(t, folder(t))
  const client = await server.client('ana')
  const first = await server.call('sendToRoom', 'kept:1', n(1))
  await subscribe(client, 'kept:1', first)
  server.limit('1') // for a file, what a full disk is
  const refused = await server.call('sendToRoom', 'kept:1', n(2), { once: 'x' })
  assert.deepEqual(refused, { error: 'Unavailable', code: 'unavailable' })
  assert.equal((await server.call('sendToRoom', 'memory', n(1))).offset, 1)
  await silent(client)
  server.limit('unlimited')
  const sent = await eventually(async () => {
    const delivery = await server.call('sendToRoom', 'kept:1', n(3), { once: 'x' })
    return delivery.error ? undefined : delivery
  }, 'the store is there again')
  assert.deepEqual([sent.offset, sent.epoch, sent.duplicate], [2, first.epoch, false])
  await heard(client, 3)
  await server.end(false)
})
