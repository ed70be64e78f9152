// The hand-over of Node's own sockets, beside others on the same server.
import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { once } from 'node:events'
import test from 'node:test'
import { Server as SocketServer } from 'socket.io'
import { io } from 'socket.io-client'
import WebSocket, { WebSocketServer } from 'ws'
import { WebSocketManager } from 'ws_manager'
import { connect, eventually, serve } from './support.mjs'

async function attached(t, handler, options) {
  const manager = new WebSocketManager(options)
  const server = await serve(t, handler)
  await manager.attach(server)
  t.after(() => manager.stop(0))
  return { manager, server, url: `ws://${server.host}` }
}

test('a matching upgrade is handed over and gets what is sent', async (t) => {
  const { manager, url } = await attached(t)
  const client = await connect(t, `${url}/ws/updates?session_id=s1`)
  assert.equal(client.greeting.data.session_id, 's1')
  const delivery = await manager.notifyPipelineUpdate({ pipeline_id: '7', status: 'running' })
  assert.equal(delivery.recipients, 1)
  const message = await client.next('pipeline_update')
  assert.deepEqual(message.data, { pipeline_id: '7', status: 'running' })
  assert.equal(message.offset, delivery.offset)
  assert.equal(message.message_id, delivery.messageId)
})

test('ordinary requests go to the application, before, between and after', async (t) => {
  const { url, server } = await attached(t, (req, res) => res.end(`application ${req.url}`))
  const get = async (path) => (await fetch(`http://${server.host}${path}`)).text()
  assert.equal(await get('/a'), 'application /a')
  await connect(t, `${url}/ws`)
  assert.equal(await get('/ws'), 'application /ws')
})

test('frames that came with the request are handled', async (t) => {
  const { server } = await attached(t)
  const socket = net.connect(server.address().port, '127.0.0.1')
  t.after(() => socket.destroy())
  const key = Buffer.alloc(16).toString('base64')
  const head = `GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`
  const ping = Buffer.from([0x81, 0x84, 0, 0, 0, 0, ...Buffer.from('ping')])
  socket.write(Buffer.concat([Buffer.from(head), ping, ping]))
  let text = ''
  socket.on('data', (data) => (text += data.toString('latin1')))
  await eventually(() => text.split('"pong"').length === 3, 'two pongs')
  assert.match(text, /^HTTP\/1.1 101 /)
})

test('a foreign origin is refused', async (t) => {
  const { url } = await attached(t)
  const ws = new WebSocket(`${url}/ws`, { origin: 'https://elsewhere.example' })
  const [, response] = await once(ws, 'unexpected-response')
  assert.equal(response.statusCode, 403)
})

test('beside ws with a path, Socket.IO, and a listener of the application', async (t) => {
  const server = await serve(t)
  const echo = new WebSocketServer({ server, path: '/echo' })
  echo.on('connection', (ws) => ws.on('message', (data) => ws.send(`echo ${data}`)))
  const manager = new WebSocketManager()
  await manager.attach(server)
  t.after(() => manager.stop(0))
  const client = await connect(t, `ws://${server.host}/ws/updates`)
  const other = new WebSocket(`ws://${server.host}/echo`)
  await once(other, 'open')
  other.send('hello')
  assert.equal(String((await once(other, 'message'))[0]), 'echo hello')
  other.terminate()
  await manager.broadcast({ event_type: 'x' })
  await client.next('x')
})

test('beside Socket.IO', async (t) => {
  const server = await serve(t)
  const sockets = new SocketServer(server)
  sockets.on('connection', (socket) => socket.on('ask', (value, answer) => answer(value * 2)))
  const manager = new WebSocketManager()
  await manager.attach(server)
  t.after(() => manager.stop(0))
  t.after(() => sockets.close())
  const client = await connect(t, `ws://${server.host}/ws/updates`)
  const socket = io(`http://${server.host}`, { transports: ['websocket'], reconnection: false })
  t.after(() => socket.close())
  assert.equal(await socket.timeout(10_000).emitWithAck('ask', 21), 42)
  await manager.broadcast({ event_type: 'x' })
  await client.next('x')
})

test('an unknown upgrade where nobody else listens is an ordinary request, as without us', async (t) => {
  const { server } = await attached(t, (req, res) => res.writeHead(418).end('teapot'))
  const request = http.get(`http://${server.host}/other`, {
    headers: { connection: 'Upgrade', upgrade: 'websocket' },
  })
  const [response] = await once(request, 'response')
  assert.equal(response.statusCode, 418)
})

test('an unknown upgrade is left to the other listeners', async (t) => {
  const { server } = await attached(t)
  server.on('upgrade', (req, socket) => socket.end('HTTP/1.1 410 Gone\r\nConnection: close\r\n\r\n'))
  const request = http.get(`http://${server.host}/other`, {
    headers: { connection: 'Upgrade', upgrade: 'websocket' },
  })
  const [response] = await once(request, 'response')
  assert.equal(response.statusCode, 410)
})

test('handOver: the application decides who it is', async (t) => {
  const manager = new WebSocketManager()
  manager.start()
  t.after(() => manager.stop(0))
  const server = await serve(t)
  let ended
  server.on('upgrade', (req, socket, head) => {
    ended = manager.handOver(req, socket, head, { userId: 7, sessionId: 's', clientId: 'c-1', rooms: ['board:1'] })
  })
  const client = await connect(t, `ws://${server.host}/live/1`)
  assert.equal(client.id, 'c-1')
  assert.equal(client.greeting.data.user_id, '7')
  assert.equal((await manager.sendToUser(7, { type: 'a' })).recipients, 1)
  assert.equal((await manager.sendToRoom('board:1', { type: 'b' })).recipients, 1)
  assert.equal((await manager.sendToSession('s', { type: 'c' })).recipients, 1)
  for (const type of ['a', 'b', 'c']) await client.next(type)
  client.ws.close(4000, 'enough')
  assert.deepEqual(await ended, { code: 4000, reason: 'enough' })
})

test('handOver after asynchronous checks: what came meanwhile is handled', async (t) => {
  const manager = new WebSocketManager()
  manager.start()
  t.after(() => manager.stop(0))
  const server = await serve(t)
  server.on('upgrade', async (req, socket, head) => {
    await fetch(`http://${server.host}/check`)
    manager.handOver(req, socket, head, { userId: 'u' })
  })
  const client = await connect(t, `ws://${server.host}/live`)
  client.send('ping')
  await client.next('pong')
})

test('handOver with an invalid room throws, and the socket is still the application’s', async (t) => {
  const manager = new WebSocketManager()
  manager.start()
  t.after(() => manager.stop(0))
  const server = await serve(t)
  let error
  server.on('upgrade', (req, socket, head) => {
    try {
      manager.handOver(req, socket, head, { rooms: ['not a room'] })
    } catch (caught) {
      error = caught
      socket.end('HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n')
    }
  })
  const ws = new WebSocket(`ws://${server.host}/live`)
  const [, response] = await once(ws, 'unexpected-response')
  assert.equal(response.statusCode, 409)
  assert.equal(error.code, 'room_invalid')
})

test('a connection outlives the server that it came through', async (t) => {
  const { manager, server, url } = await attached(t)
  const client = await connect(t, `${url}/ws`)
  server.closeAllConnections()
  server.close()
  await manager.broadcast({ type: 'still' })
  await client.next('still')
})

test('a thousand connections come and go without a descriptor left', async (t) => {
  const { manager, url } = await attached(t, undefined, { maxConnectionsPerIp: 2000, maxConnections: 2000 })
  const { readdirSync } = await import('node:fs')
  const count = () => readdirSync('/proc/self/fd').length
  const before = count()
  for (let round = 0; round < 10; round++) {
    const clients = await Promise.all(Array.from({ length: 100 }, () => connect(t, `${url}/ws`)))
    for (const client of clients) client.ws.terminate()
    await eventually(async () => (await manager.stats()).active_connections === 0)
  }
  await eventually(() => count() <= before + 5, 'descriptors to be closed')
})

test('two managers on one server', async (t) => {
  const { server, manager } = await attached(t)
  const second = new WebSocketManager()
  second.removeEndpoint('/ws')
  second.endpoint('/second', { rooms: ['@all'], greeting: 'connected' })
  manager.removeEndpoint('/ws')
  await second.attach(server)
  t.after(() => second.stop(0))
  const client = await connect(t, `ws://${server.host}/second`)
  assert.equal((await second.broadcast({ type: 'x' })).recipients, 1)
  await client.next('x')
  assert.equal((await manager.broadcast({ type: 'x' })).recipients, 0)
})
