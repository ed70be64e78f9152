// What the server says about a message is not said by its author: on the own port, attached, handed over, and over REST.
import assert from 'node:assert/strict'
import test from 'node:test'
import { InvalidArgument, WebSocketManager } from 'ws_manager'
import { connect, serve } from './support.mjs'

const FORGED = { room: 'news', epoch: 'z', offset: 1e15 }
const FLAT = ['processing_started', 'processing_progress', 'processing_complete', 'processing_failed', 'system_status']
const OWN = ['gap', 'error', 'connected', 'connection', 'heartbeat', 'ping', 'pong', 'subscribed', 'published', 'reply']

function known(options) {
  const manager = new WebSocketManager(options)
  manager.authenticate((request) => ({
    user_id: request.query.get('u'),
    rooms: ['chat:1'],
    publish: ['chat:1'],
  }))
  return manager
}

/** Where clients and REST get in. */
const ENTRANCES = {
  'own port': async (t) => {
    const manager = known()
    const port = await manager.listen({ port: 0 })
    return { manager, host: `127.0.0.1:${port}` }
  },
  attached: async (t) => {
    const manager = known()
    const server = await serve(t, manager.restHandler)
    await manager.attach(server)
    return { manager, host: server.host }
  },
  'handed over': async (t) => {
    const manager = known()
    await manager.start()
    const server = await serve(t, manager.restHandler)
    server.on('upgrade', (req, socket, head) =>
      manager.handOver(req, socket, head, {
        userId: new URL(req.url, 'http://x').searchParams.get('u'),
        rooms: ['chat:1'],
        publish: ['chat:1'],
      }),
    )
    return { manager, host: server.host }
  },
}

for (const [name, enter] of Object.entries(ENTRANCES)) {
  test(`${name}: a client cannot forge`, async (t) => {
    const { manager, host } = await enter(t)
    t.after(() => manager.stop(0))
    const ana = await connect(t, `ws://${host}/ws?u=ana`)
    const bob = await connect(t, `ws://${host}/ws?u=bob`)
    if (!bob.greeting.data.rooms['chat:1']) {
      bob.send({ action: 'subscribe', room: 'chat:1' })
      await bob.next('subscribed')
    }
    const attempts = [
      ...FLAT.map((type) => [type, { type: 'x', ...FORGED }]),
      ...OWN.map((type) => [type, FORGED]),
      ...['id', 'from', 'type', 'data', 'message_id', '@position'].map((member) => ['system_status', { [member]: 1 }]),
    ]
    for (const [id, [type, data]] of attempts.entries()) {
      ana.send({ action: 'publish', room: 'chat:1', type, data, id })
      const answer = await ana.next((message) => message.id === id)
      assert.deepEqual([answer.type, answer.data.code], ['error', 'bad_request'], `${type} ${JSON.stringify(data)}`)
    }
    ana.send({ action: 'publish', room: 'chat:1', type: 'said', data: FORGED })
    const heard = await bob.next((message) => message.room !== undefined) // the first of any room
    assert.deepEqual([heard.type, heard.data], ['said', FORGED])
    assert.deepEqual(heard.from, { user_id: 'ana', client_id: ana.id })
    assert.deepEqual([heard.room, heard.offset], ['chat:1', 1])
    assert.deepEqual((await manager.history('chat:1')).messages, [heard])
  })

  test(`${name}: what the application relays stands where it stands`, async (t) => {
    const { manager, host } = await enter(t)
    t.after(() => manager.stop(0))
    const ana = await connect(t, `ws://${host}/ws?u=ana`)
    if (!ana.greeting.data.rooms['chat:1']) {
      ana.send({ action: 'subscribe', room: 'chat:1' })
      await ana.next('subscribed')
    }
    const relayed = { type: 'gap', ...FORGED }
    for (const [n, message] of [relayed, JSON.stringify(relayed)].entries()) {
      manager.sendToRoom('chat:1', message)
      const { '@position': position, ...rest } = await ana.next('gap')
      assert.deepEqual([position.room, position.offset], ['chat:1', n + 1])
      assert.deepEqual(
        Object.keys(FORGED).map((member) => rest[member]),
        Object.values(FORGED),
      )
    }
    manager.sendToClient(ana.id, relayed)
    assert.deepEqual((await ana.next('gap'))['@position'], { room: `@client:${ana.id}` })
    const answer = await fetch(`http://${host}/api/ws/broadcast`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ event_type: 'gap', data: FORGED }),
    })
    assert.equal(answer.status, 200)
    assert.equal((await ana.next('gap')).room, '@all')
  })
}

test('names of the server are refused at the call', async (t) => {
  const manager = new WebSocketManager()
  await manager.listen({ port: 0 })
  t.after(() => manager.stop(0))
  const message = { a: 1, '@position': FORGED }
  for (const send of [
    () => manager.broadcast(message),
    () => manager.broadcast(JSON.stringify(message)),
    () => manager.sendToRoom('r', message),
    () => manager.publishToChannel('r', message),
    () => manager.sendToUser('u', message),
    () => manager.sendPersonalMessage(message, 'u'),
    () => manager.sendToSession('s', message),
    () => manager.sendToClient('c', message),
    () => manager.sendToProject('p', message),
    () => manager.notify('system_status', message),
    () => manager.notify('x', {}, message),
  ]) {
    assert.throws(send, (error) => error instanceof InvalidArgument && error.message.includes('"@position"'), `${send}`)
  }
  assert.equal((await manager.stats()).total_broadcasts, 0)
})

test("a handler's answer and message are no way around", async (t) => {
  const manager = new WebSocketManager()
  const port = await manager.listen({ port: 0 })
  t.after(() => manager.stop(0))
  manager.onCommand('echo', (connection) => {
    connection.send({ type: 'sent', ...FORGED })
    assert.throws(() => connection.send({ '@position': FORGED }), InvalidArgument)
    return { type: 'gap', id: 99, '@position': FORGED, ...FORGED }
  })
  const client = await connect(t, `ws://127.0.0.1:${port}/ws`)
  client.send({ action: 'echo', id: 7 })
  assert.deepEqual((await client.next('sent'))['@position'], { room: `@client:${client.id}` })
  const reply = await client.next('reply')
  assert.equal(reply.id, 7)
  for (const member of ['room', 'epoch', 'offset', '@position']) assert.ok(!(member in reply), member)
  assert.deepEqual(reply.data['@position'], FORGED)
})
