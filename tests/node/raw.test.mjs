// Raw endpoints, what a client is told first, and one connection that joins and leaves.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import WebSocket from 'ws'
import { InvalidRoom, NotFound, Refused, WebSocketManager } from 'ws_manager'
import { Client, connect, eventually, serve } from './support.mjs'

/** A manager on a server of its own, with attach() as its options say. */
async function attached(t, options, config) {
  const manager = new WebSocketManager(config)
  const server = await serve(t)
  await manager.attach(server, options)
  t.after(() => manager.stop(0))
  return { manager, url: `ws://${server.host}` }
}

/** A client that takes every message as it came, in order. */
async function open(t, url) {
  const ws = new WebSocket(url)
  t.after(() => ws.terminate())
  const came = []
  ws.on('message', (data, binary) => came.push(binary ? data : String(data)))
  await once(ws, 'open')
  ws.next = async () => {
    await eventually(() => came.length > 0, 'a message')
    return came.shift()
  }
  return ws
}

const endpoints = { '/chat/:who': { check: ({ params }) => ({ rooms: ['chat'], state: params }), raw: true } }

test('what is published is all that is sent', async (t) => {
  const { manager, url } = await attached(t, { endpoints }, { heartbeatInterval: 0.1 })
  const ws = await open(t, `${url}/chat/ann`)
  await once(ws, 'ping') // which would have had a heartbeat behind it
  const messages = ['hello', '{ "a": 1 }', { a: 'é' }, {}, [1, '2'], 7, null, { room: 'mine', timestamp: 1 }]
  for (const message of messages) {
    manager.sendToRoom('chat', message)
    assert.equal(await ws.next(), typeof message === 'string' ? message : JSON.stringify(message))
  }
  manager.sendToRoom('chat', Buffer.from([0, 1]))
  assert.deepEqual(await ws.next(), Buffer.from([0, 1]))
  manager.notify('moved', { x: 1 }, { room: 'chat', by: 'me' })
  assert.equal(await ws.next(), '{"type":"moved","data":{"x":1}}')
})

test('what clients say reaches onMessage, and the chat goes on', async (t) => {
  const { manager, url } = await attached(t, { endpoints })
  const said = []
  manager.onMessage((connection, message) => {
    said.push(message)
    connection.send('You wrote: …')
    manager.sendToRoom('chat', `${connection.state.who} says: ${said.length}`)
  })
  const ws = await open(t, `${url}/chat/ann`)
  for (const text of ['ping', 'hello', '{"action":"subscribe","room":"x"}', '[1,2]', '{', '']) ws.send(text)
  for (let n = 1; n <= 6; n++) {
    assert.equal(await ws.next(), 'You wrote: …')
    assert.equal(await ws.next(), `ann says: ${n}`)
  }
  assert.deepEqual(said, ['ping', 'hello', { action: 'subscribe', room: 'x' }, [1, 2], '{', ''])
})

test('endpoint({ raw: true })', async (t) => {
  const { manager, url } = await attached(t)
  manager.endpoint('/plain', { rooms: ['chat'], raw: true })
  manager.onMessage((connection, message) => void manager.sendToRoom('chat', message))
  const ws = await open(t, `${url}/plain`)
  ws.send('ping')
  assert.equal(await ws.next(), 'ping')
})

test('a welcome comes behind the greeting, whoever decides', async (t) => {
  const welcome = [{ type: 'first' }, 'second', [3]]
  const check = async () => ({ userId: '7', welcome })
  const { manager, url } = await attached(t, { endpoints: { '/own': check, '/raw': { check, raw: true } } })
  manager.authenticate(check)
  const server = await serve(t)
  server.on('upgrade', (req, socket, head) => void manager.handOver(req, socket, head, { welcome, clientId: 'c' }))
  for (const place of [`${url}/ws`, `${url}/own`, `ws://${server.host}/x`]) {
    const ws = await open(t, place)
    assert.equal(JSON.parse(await ws.next()).type, 'connected')
    assert.equal(JSON.parse(await ws.next()).type, 'first')
    assert.equal(await ws.next(), 'second')
    assert.equal(await ws.next(), '[3]')
  }
  const ws = await open(t, `${url}/raw`)
  assert.equal(await ws.next(), '{"type":"first"}')
  assert.equal(await ws.next(), 'second')
})

test('a welcome that cannot be sent is told to the application', async (t) => {
  const { manager, url } = await attached(t, { endpoints: { '/own': () => ({ welcome: Buffer.from('x') }) } })
  const errors = []
  manager.logger = { ...console, error: (...parts) => errors.push(parts.map(String).join(' ')) }
  const client = new Client(`${url}/own`)
  await client.until(() => client.closed)
  assert.equal(client.closed.code, 1011)
  assert.match(errors.join('\n'), /send it in onConnect/)
})

test('one connection joins and leaves', async (t) => {
  const { manager, url } = await attached(t, {}, { maxRooms: 1 })
  const seen = []
  const gone = []
  manager.onConnect(async (connection) => {
    seen.push(connection)
    if (seen.length === 1) await connection.join('desk')
    connection.send({ type: 'ready' })
  })
  manager.onDisconnect((connection) => void gone.push(connection))
  const one = await open(t, `${url}/ws`)
  const other = await open(t, `${url}/ws`)
  const types = async (ws, n) => {
    const found = []
    while (found.length < n) found.push(JSON.parse(await ws.next()).type)
    return found
  }
  assert.deepEqual(await types(one, 3), ['connected', 'subscribed', 'ready'])
  assert.deepEqual(await types(other, 2), ['connected', 'ready'])
  assert.equal((await manager.sendToRoom('desk', { type: 'news' })).recipients, 1)
  const [connection] = seen
  await assert.rejects(connection.join('@all'), InvalidRoom)
  await assert.rejects(
    connection.join('another'),
    (error) => error instanceof Refused && /max_rooms/.test(error.message),
  )
  await connection.leave('desk')
  await connection.leave('elsewhere')
  assert.deepEqual(await types(one, 2), ['news', 'unsubscribed'])
  assert.ok(!(await connection.rooms()).includes('desk'))
  one.close()
  await eventually(() => gone.length === 1, 'the end')
  await assert.rejects(connection.join('desk'), NotFound)
  await assert.rejects(connection.leave('desk'), NotFound)
})

test('a move that nobody waits for ends no process: a line says what was wrong with it', async (t) => {
  const { manager, url } = await attached(t, {})
  const lines = []
  manager.logger = { debug() {}, info() {}, error() {}, warn: (line) => lines.push(line) }
  const unheard = []
  const keep = (error) => unheard.push(error)
  process.on('unhandledRejection', keep)
  t.after(() => process.off('unhandledRejection', keep))
  let connection, gone
  manager.onDisconnect(() => void (gone = true))
  manager.onMessage((who, { room, leaves }) => {
    connection = who
    // Without await, and what it gives is no result of the handler.
    if (leaves) who.leave(room)
    else who.join(room)
  })
  const client = await connect(t, `${url}/ws`)
  for (const room of ['@user:u2', 'a b\n2026 forged', '*', 7, 'desk']) client.send({ room })
  await client.next('subscribed')
  client.send({ room: '@all', leaves: true })
  await eventually(() => lines.some((line) => /leave\(\)/.test(line)), 'a line of leave()')
  client.ws.close()
  await eventually(() => gone, 'the end')
  connection.join('desk') // Who has gone is nobody's mistake.
  await assert.rejects(connection.join('desk'), NotFound)
  assert.deepEqual(unheard, [])
  assert.match(lines.join('\n'), /^connection\.join\(\): room "[^"]+" is no valid name.*await/m)
  assert.equal(lines.length, 3, lines.join('\n')) // one of a kind in a while
  assert.ok(!lines.some((line) => line.includes('\n')), lines.join('|'))
})
