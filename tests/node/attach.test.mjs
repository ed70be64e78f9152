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

/** Sends bytes, and gives what has come once `enough` is true of it. */
async function talk(t, server, bytes, enough) {
  const socket = net.connect(server.address().port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  socket.on('data', (data) => (text += data.toString('latin1')))
  socket.write(bytes)
  await eventually(() => enough(text), `an answer, not ${JSON.stringify(text)}`)
  return text
}

test('a request that asks for another protocol is an ordinary one, with its body and what follows it', async (t) => {
  const { server } = await attached(t, async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    res.end(`${req.method} ${req.url} ${req.headers.upgrade} [${body}]`)
  })
  const h2c =
    'Host: x\r\nConnection: keep-alive, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'
  const post = `POST /app HTTP/1.1\r\n${h2c}Content-Length: 10\r\n\r\n0123456789`
  const chunked = `POST /chunks HTTP/1.1\r\n${h2c}Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`
  const two = await talk(t, server, post + chunked, (text) => text.includes('[abcde]'))
  assert.match(two, /POST \/app h2c \[0123456789\]/)
  assert.match(two, /POST \/chunks h2c \[abcde\]/)

  // A body that comes later, and longer than what a socket holds.
  const socket = net.connect(server.address().port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  socket.on('data', (data) => (text += data))
  socket.write(`POST /late HTTP/1.1\r\n${h2c}Expect: 100-continue\r\nContent-Length: 300000\r\n\r\n`)
  await eventually(() => text.includes('100 Continue'))
  socket.write('z'.repeat(300_000))
  await eventually(() => text.includes('zzz]'))
  // And the connection is good for another one.
  text = ''
  socket.write('GET /again HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => text.includes('GET /again undefined []'))
})

test('refused upgrades that are left open hold no descriptor for ever', async (t) => {
  const { server, manager } = await attached(t, undefined, { handshakeTimeout: 0.3 })
  const stopped = await attached(t, undefined, { handshakeTimeout: 0.3 })
  await stopped.manager.attach(stopped.server, { endpoints: { '/live/:board': () => true } })
  await stopped.manager.stop(0)
  server.keepAliveTimeout = 200
  const { readdirSync } = await import('node:fs')
  const count = () => readdirSync('/proc/self/fd').length
  const before = count()
  const key = Buffer.alloc(16).toString('base64')
  const head = (path, more = '') =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${more}\r\n`
  const kinds = [
    [server, head('/ws', 'Origin: https://elsewhere.example\r\n'), 403],
    [server, head('/nothing'), 404],
    [server, head('/ws', 'Content-Length: 5\r\n'), 400],
    [stopped.server, head('/live/7'), 503],
  ]
  const sockets = []
  for (const [to, request, status] of kinds) {
    for (let i = 0; i < 25; i++) {
      // The answer is read, and nothing is closed on this side.
      const socket = net.connect({ port: to.address().port, host: '127.0.0.1', allowHalfOpen: true })
      sockets.push(socket)
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      socket.write(request)
      const [data] = await once(socket, 'data')
      assert.match(String(data), new RegExp(`^HTTP/1.1 ${status} `))
    }
  }
  // Their own ends are descriptors of this process, too.
  await eventually(() => count() <= before + sockets.length + 2, 'descriptors to be closed')
  assert.ok(manager.running)
})

test('of many that stay after a refusal the oldest is ended', async (t) => {
  const { manager, server } = await attached(t, undefined, { handshakeTimeout: 60, maxHandshakes: 5 })
  await manager.attach(server, { endpoints: { '/live/:board': () => true } })
  await manager.stop(0)
  for (let i = 0; i < 8; i++) {
    const socket = net.connect({ port: server.address().port, host: '127.0.0.1', allowHalfOpen: true })
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    const key = Buffer.alloc(16).toString('base64')
    socket.write(
      `GET /live/7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    )
    await once(socket, 'data')
  }
  const connections = () => new Promise((resolve) => server.getConnections((error, n) => resolve(n)))
  await eventually(async () => (await connections()) <= 5, 'the oldest to be ended')
})

test('attach() with a prefix: all is below it, and nothing beside it', async (t) => {
  const server = await serve(t, (req, res) => manager.restHandler(req, res))
  const manager = new WebSocketManager()
  await manager.attach(server, {
    prefix: '/shop/',
    endpoints: { '/live/:board': (req) => ({ rooms: [`board:${req.params.board}`] }) },
  })
  t.after(() => manager.stop(0))
  const url = `ws://${server.host}`
  const client = await connect(t, `${url}/shop/ws/updates?a=b`)
  assert.deepEqual(Object.keys(client.greeting.data.rooms), ['@all'])
  const live = await connect(t, `${url}/shop/live/7`)
  assert.equal((await manager.sendToRoom('board:7', { type: 'x' })).recipients, 1)
  await live.next('x')
  const status = async (path) => (await fetch(`http://${server.host}${path}`)).status
  assert.equal(await status('/shop/api/ws/health'), 200)
  assert.equal(await status('/api/ws/health'), 404)
  for (const path of ['/ws/project/P', '/live/7', '/shopping/ws', '/shop']) {
    const ws = new WebSocket(`${url}${path}`)
    const [, response] = await once(ws, 'unexpected-response')
    assert.equal(response.statusCode, 404, path)
  }
})

test('attach() without the built-in endpoints: only those that were asked for exist', async (t) => {
  const server = await serve(t)
  const manager = new WebSocketManager()
  manager.endpoint('/mine/{id}', { rooms: ['@all'] })
  await manager.attach(server, { defaults: false, endpoints: { '/live/{board}': () => 'u1' } })
  t.after(() => manager.stop(0))
  await connect(t, `ws://${server.host}/mine/1`)
  assert.equal((await connect(t, `ws://${server.host}/live/7`)).greeting.data.user_id, 'u1')
  for (const path of [
    '/ws',
    '/ws/notifications',
    '/ws/updates',
    '/ws/logs',
    '/ws/project/P',
    '/ws/dashboard',
    '/live',
    '/live/',
    '/live/7/8',
  ]) {
    const ws = new WebSocket(`ws://${server.host}${path}`)
    const [, response] = await once(ws, 'unexpected-response')
    assert.equal(response.statusCode, 404, path)
  }
})

test('attach() says what is wrong with its options', async (t) => {
  const manager = new WebSocketManager()
  const server = await serve(t)
  t.after(() => manager.stop(0))
  const wrong = [
    [{ endpoint: {} }, /attach\(\) knows no endpoint; it knows prefix, endpoints/],
    [
      { endpoints: { '/live': { check: () => true, greeting: false } } },
      /\/live: greeting must be the type of a message/,
    ],
    [{ endpoints: { '/live': { userId: 'u' } } }, /\/live must be a function of the request/],
    [{ endpoints: { live: () => true } }, /must begin with \//],
    [{ endpoints: { '/live/*': () => true } }, /no \? # \* or space/],
    [{ endpoints: { '/live': { check() {}, rooms: [] } } }, /knows no rooms/],
    [{ prefix: 'shop' }, /prefix must be the beginning of a path/],
    [{ prefix: '/' }, /prefix must be/],
    [{ defaults: 'none' }, /defaults must be true or false/],
  ]
  for (const [options, sentence] of wrong)
    await assert.rejects(manager.attach(server, options), { name: 'TypeError', message: sentence })
})

test('other listeners of the same server: said once, where a path was taken that they may want', async (t) => {
  for (const shared of [false, true]) {
    const server = await serve(t)
    const manager = new WebSocketManager()
    const said = []
    manager.logger = { debug() {}, info() {}, error() {}, warn: (line) => said.push(line) }
    const theirs = new WebSocketServer({ server, path: '/ws' })
    t.after(() => theirs.close())
    await manager.attach(server, shared ? { shared } : {})
    t.after(() => manager.stop(0))
    await connect(t, `ws://${server.host}/ws`)
    await connect(t, `ws://${server.host}/ws/updates`)
    const warnings = said.filter((line) => line.includes('other listeners'))
    assert.equal(warnings.length, shared ? 0 : 1)
    if (!shared) assert.match(warnings[0], /^\/ws was taken .*prefix.*defaults: false.*shared: true/)
  }
})

/** The status of an upgrade with so large a cookie. */
async function statusWith(server, bytes) {
  const socket = net.connect(server.address().port, '127.0.0.1')
  const asks =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  socket.write(`GET /ws HTTP/1.1\r\nHost: localhost\r\n${asks}Cookie: a=${'x'.repeat(bytes)}\r\n\r\n`)
  const [answer] = await once(socket, 'data')
  socket.destroy()
  return Number(String(answer).split(' ')[1])
}

test('how large the head of a request may be is said by node:http first, then by the core', async (t) => {
  const manager = new WebSocketManager()
  t.after(() => manager.stop(0))
  const found = {}
  for (const maxHeaderSize of [undefined, 32768, 65536]) {
    const server = await serve(t, undefined, (handler) => http.createServer({ maxHeaderSize }, handler))
    await manager.attach(server)
    found[maxHeaderSize] = []
    for (const bytes of [15_000, 20_000, 32_000, 33_000]) found[maxHeaderSize].push(await statusWith(server, bytes))
  }
  assert.deepEqual(found, {
    undefined: [101, 431, 431, 431],
    32768: [101, 101, 101, 431],
    65536: [101, 101, 101, 431],
  })
})

test('only what asks for a WebSocket is ours, whatever has the word in it', async (t) => {
  const { server } = await attached(t, (req, res) => res.end(`application ${req.headers.upgrade}`))
  for (const upgrade of ['websockets', 'x-websocket', 'h2c, websocket']) {
    const socket = net.connect(server.address().port, '127.0.0.1')
    socket.write(`GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: ${upgrade}\r\nConnection: Upgrade, close\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    assert.match(String(answer), /^HTTP\/1\.1 200 /, upgrade)
    socket.destroy()
  }
})
