// Rules by room pattern, revocation, bans, draining.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import test from 'node:test'
import WebSocket from 'ws'
import { WebSocketManager } from 'ws_manager'
import { Client, connect, serve } from './support.mjs'

const SECRET = 'a-secret-of-at-least-thirty-two-bytes-for-tests'

function token(claims, secret = SECRET) {
  const now = Math.floor(Date.now() / 1000)
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: now - 1, exp: now + 600, ...claims })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

async function listening(t, options) {
  const manager = new WebSocketManager(options)
  const port = await manager.listen()
  t.after(() => manager.stop(0))
  return { manager, url: `ws://127.0.0.1:${port}` }
}

async function ask(client, message) {
  client.send({ id: 'q', ...message })
  return client.next((answer) => answer.id === 'q')
}

test('rules say who may do what, before and while it runs', async (t) => {
  const { manager, url } = await listening(t, { rooms: { 'secret:*': { subscribe: 'nobody' } } })
  const client = await connect(t, `${url}/ws`)
  assert.equal((await ask(client, { action: 'subscribe', room: 'secret:1' })).data.code, 'forbidden')
  assert.equal((await ask(client, { action: 'subscribe', room: 'open:1' })).type, 'subscribed')
  manager.room('secret:*', { subscribe: 'anyone', historySize: 1, presenceEvents: false })
  assert.equal((await ask(client, { action: 'subscribe', room: 'secret:1' })).type, 'subscribed')
  for (let n = 0; n < 3; n++) await manager.sendToRoom('secret:1', { n })
  assert.deepEqual(
    (await manager.history('secret:1')).messages.map((message) => message.n),
    [2],
  )
  assert.throws(() => manager.room('no pattern', { subscribe: 'anyone' }), { code: 'room_invalid' })
  assert.throws(() => manager.room('a:*', { subscribe: 'everybody' }), { code: 'invalid_argument' })
  assert.throws(() => manager.configure({ rooms: 7 }), { code: 'config' })
})

test('rules and revocations outlive a new configuration', async (t) => {
  const manager = new WebSocketManager({ jwtSecret: SECRET })
  manager.room('a:*', { historySize: 1 })
  manager.revoke({ jti: 'stolen' })
  manager.configure({ timeout: 120 })
  assert.equal(manager.revocations()[0].jti, 'stolen')
  const port = await manager.listen()
  t.after(() => manager.stop(0))
  assert.equal(manager.revocations()[0].jti, 'stolen')
  const client = new Client(`ws://127.0.0.1:${port}/ws/${token({ sub: 'u', jti: 'stolen' })}`)
  assert.equal((await client.end()).code, 4401)
  await manager.sendToRoom('a:1', { n: 1 })
  await manager.sendToRoom('a:1', { n: 2 })
  assert.equal((await manager.history('a:1')).messages.length, 1)
})

test('revoked users go, and may come back with a new token', async (t) => {
  const { manager, url } = await listening(t, { jwtSecret: [SECRET, `another-${SECRET}`] })
  const client = await connect(t, `${url}/ws/${token({ sub: 'u' })}`)
  assert.equal(client.greeting.data.user_id, 'u')
  manager.revoke({ userId: 'u', before: new Date() })
  assert.equal((await client.end()).code, 4401)
  assert.deepEqual(Object.keys(manager.revocations()[0]).sort(), ['before', 'until', 'user_id'])
  manager.unrevoke({ userId: 'u' })
  await connect(t, `${url}/ws/${token({ sub: 'u' }, `another-${SECRET}`)}`)
  manager.reloadKeys({ jwtSecret: `new-${SECRET}` })
  const old = new Client(`${url}/ws/${token({ sub: 'u' })}`)
  assert.equal((await old.end()).code, 4401)
  await connect(t, `${url}/ws/${token({ sub: 'u' }, `new-${SECRET}`)}`)
  assert.throws(() => manager.unrevoke({ jti: 'none' }), { code: 'not_found' })
  assert.throws(() => manager.revoke({}), { code: 'invalid_argument' })
  assert.throws(() => manager.reloadKeys({ jwtSecret: 'short' }), { code: 'config' })
})

test('a handler grants rooms and publishing', async (t) => {
  const manager = new WebSocketManager()
  manager.authenticate(() => ({ userId: 'u', rooms: ['team:1'], subscribe: ['board:*'], publish: ['board:*'] }))
  const port = await manager.listen()
  t.after(() => manager.stop(0))
  const client = await connect(t, `ws://127.0.0.1:${port}/ws`)
  assert.equal(await manager.subscribers('team:1'), 1)
  assert.equal((await ask(client, { action: 'subscribe', room: 'board:7' })).type, 'subscribed')
  assert.equal((await ask(client, { action: 'publish', room: 'board:7', data: 1 })).type, 'published')
  assert.equal((await ask(client, { action: 'publish', room: 'team:1', data: 1 })).data.code, 'forbidden')
})

test('bans', async (t) => {
  const { manager, url } = await listening(t)
  const client = await connect(t, `${url}/ws`)
  manager.ban('127.0.0.1', { seconds: 60, reason: 'test' })
  assert.equal((await client.end()).code, 4403)
  const [ban] = await manager.bans()
  assert.equal(ban.ip, '127.0.0.1')
  assert.equal(ban.reason, 'test')
  manager.unban('127.0.0.1')
  assert.deepEqual(await manager.bans(), [])
  await connect(t, `${url}/ws`)
  assert.throws(() => manager.ban('nobody'), { code: 'invalid_argument' })
})

test('drain: no new ones, and those who are there stay', async (t) => {
  const manager = new WebSocketManager()
  const server = await serve(t, manager.restHandler)
  await manager.attach(server)
  t.after(() => manager.stop(0))
  const health = async () => (await fetch(`http://${server.host}/api/ws/health`)).status
  const client = await connect(t, `ws://${server.host}/ws`)
  assert.equal(await health(), 200)
  manager.drain()
  assert.equal(manager.draining, true)
  assert.equal(await health(), 503)
  const late = new WebSocket(`ws://${server.host}/ws`)
  const status = await new Promise((resolve) => late.on('unexpected-response', (req, res) => resolve(res.statusCode)))
  assert.equal(status, 503)
  await manager.broadcast({ type: 'still' })
  await client.next('still')
})

test('presence comes in pages', async (t) => {
  const { manager, url } = await listening(t)
  for (let n = 0; n < 5; n++) await connect(t, `${url}/ws/project/P`)
  const first = await manager.presence('project:P', { limit: 3 })
  assert.equal(first.clients_total, 5)
  const second = await manager.presence('project:P', { limit: 3, after: first.next })
  assert.equal(new Set([...first.clients, ...second.clients]).size, 5)
  assert.equal(second.next, null)
})
