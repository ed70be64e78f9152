// Checks of the application's that take their time, between an upgrade and its decision: endpoints of attach(), and handOver().
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import https from 'node:https'
import net from 'node:net'
import test from 'node:test'
import tls from 'node:tls'
import WebSocket from 'ws'
import { WebSocketManager } from 'ws_manager'
import { connect, eventually, serve, Client } from './support.mjs'

const upgrade = (path, headers = '') =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n${headers}\r\n`

const descriptors = () => readdirSync('/proc/self/fd').length

execFileSync(
  'openssl',
  'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout checks-key.pem -out checks-cert.pem -days 2 -subj /CN=localhost'.split(
    ' ',
  ),
  { stdio: 'pipe' },
)
const credentials = { key: readFileSync('checks-key.pem'), cert: readFileSync('checks-cert.pem') }

function made(t, options) {
  const manager = new WebSocketManager(options)
  manager.said = []
  const say =
    (level) =>
    (...parts) =>
      manager.said.push(`${level} ${parts.map((part) => part?.message ?? part).join(' ')}`)
  manager.logger = { debug() {}, info() {}, warn: say('warn'), error: say('error') }
  manager.start()
  t.after(() => manager.stop(0))
  return manager
}

/** Each way to a check: (t, manager, check) → server, whose path /live/:board it guards. */
const ways = {
  'attach({ endpoints })': async (t, manager, check) => {
    const server = await serve(t)
    await manager.attach(server, { endpoints: { '/live/:board': check } })
    return server
  },
  'attach() on https': async (t, manager, check) => {
    const server = await serve(t, undefined, (handler) => https.createServer(credentials, handler))
    await manager.attach(server, { endpoints: { '/live/:board': check } })
    return server
  },
  'handOver(check)': async (t, manager, check) => {
    const server = await serve(t)
    server.on('upgrade', (req, socket, head) => {
      req.params = { board: decodeURIComponent(req.url.split(/[/?]/)[2]) }
      manager.handOver(req, socket, head, check)
    })
    return server
  },
}
const trusting = { rejectUnauthorized: false }
const scheme = (server) => (server instanceof tls.Server ? 'wss' : 'ws')
const dial = (server) => {
  const plain = net.connect(server.address().port, '127.0.0.1')
  plain.on('error', () => {})
  const socket = server instanceof tls.Server ? tls.connect({ socket: plain, ...trusting }) : plain
  socket.on('error', () => {})
  socket.plain = plain
  return socket
}

for (const [name, start] of Object.entries(ways)) {
  test(`who is let in by ${name} is who the check says`, async (t) => {
    const manager = made(t)
    let address
    const server = await start(t, manager, async (req) => {
      await fetch('data:,') // a turn of the loop and more
      address = req.socket.remoteAddress
      if (req.params.board === 'none') return null
      if (req.params.board === 'gone') return false
      if (req.params.board === 'login') throw Object.assign(new Error('log in first'), { status: 401 })
      if (req.params.board === 'broken') throw new Error('the database is away')
      return { userId: req.headers['x-user'], sessionId: 's', rooms: [`board:${req.params.board}`], state: { seen: 1 } }
    })
    let state
    manager.onConnect((connection) => (state = connection.state))
    const url = `${scheme(server)}://${server.host}/live`
    const client = await connect(t, `${url}/7?a=b`, { headers: { 'x-user': 'u1' }, ...trusting })
    assert.equal(client.greeting.data.user_id, 'u1')
    assert.equal(client.greeting.data.session_id, 's')
    assert.equal(address, '127.0.0.1')
    assert.equal((await manager.sendToRoom('board:7', { type: 'x' })).recipients, 1)
    await client.next('x')
    await eventually(() => state, 'onConnect')
    assert.deepEqual(state, { seen: 1 })
    const end = async (board) => {
      const refused = new Client(`${url}/${board}`, trusting)
      t.after(() => refused.ws.terminate())
      return refused.end()
    }
    assert.equal((await end('none')).code, 4403)
    assert.equal((await end('gone')).code, 4403)
    assert.deepEqual(await end('login'), { code: 4401, reason: 'log in first' })
    assert.equal((await end('broken')).code, 1011)
    assert.ok(
      manager.said.some((line) => line.includes('the database is away')),
      manager.said.join(),
    )
  })

  test(`names that the client makes impossible, by ${name}`, async (t) => {
    const manager = made(t)
    const server = await start(t, manager, async (req) => {
      if (req.params.board === 'mine') return { rooms: ['my own mistake'] }
      const query = new URL(req.url, 'http://x').searchParams
      if (query.has('room')) return { rooms: [query.get('room')] }
      if (query.has('q')) return { publish: [`${query.get('q')}*`], subscribe: ['team:*'] }
      if (query.has('board')) return { subscribe: [`board:${query.get('board')}*`] }
      if (req.params.board.startsWith('p')) return { publish: [`p:${req.params.board}`] }
      return { rooms: [`board:${req.params.board}`] }
    })
    const end = async (board) => {
      const client = new Client(`${scheme(server)}://${server.host}/live/${board}`, trusting)
      t.after(() => client.ws.terminate())
      return (await client.end()).code
    }
    for (const board of ['a%20b', 'x'.repeat(300), 'a%0Ab', 'p*']) assert.equal(await end(board), 4400, board)
    for (const query of ['q=', 'q', 'board=', 'room=']) assert.equal(await end(`x?${query}`), 4400, query)
    assert.deepEqual(
      manager.said.filter((line) => line.startsWith('error')),
      [],
    )
    const url = `${scheme(server)}://${server.host}/live`
    await connect(t, `${url}/x?q=mine&debug=`, trusting) // empty, and in no pattern
    assert.equal(await end('mine'), 1011)
    assert.ok(
      manager.said.some((line) => line.startsWith('error') && line.includes('my own mistake')),
      manager.said.join(),
    )
  })

  test(`clients that reset, go, end or speak while the check thinks, by ${name}`, async (t) => {
    const manager = made(t, { authTimeout: 60 })
    let asked = 0
    let answer
    const answered = new Promise((resolve) => (answer = resolve))
    const server = await start(t, manager, async (req) => {
      asked++
      await answered
      if (req.params.board === 'rejects') throw new Error('no')
      return { rooms: [`board:${req.params.board}`] }
    })
    const before = descriptors()
    const leave = {
      reset: (socket) => socket.plain.resetAndDestroy(),
      close: (socket) => socket.destroy(),
      'half-close': (socket) => socket.end(),
      'speak and close': (socket) => {
        socket.write(Buffer.alloc(100_000, 0x81))
        socket.destroy()
      },
    }
    let expected = 0
    const halves = []
    for (const board of ['7', 'rejects']) {
      for (const [way, go] of Object.entries(leave)) {
        for (let i = 0; i < 5; i++) {
          const socket = dial(server)
          socket.write(upgrade(`/live/${board}`))
          expected++
          await eventually(() => asked === expected, `check ${expected} (${way})`)
          go(socket)
          if (way === 'half-close') halves.push(socket)
        }
      }
    }
    await eventually(async () => (await manager.stats()).active_connections <= halves.length)
    for (const socket of halves) socket.destroy()
    await eventually(async () => (await manager.stats()).active_connections === 0)
    await eventually(() => descriptors() <= before + 2, 'descriptors to be closed')
    answer()
    const client = await connect(t, `${scheme(server)}://${server.host}/live/8`, trusting)
    assert.equal((await manager.sendToRoom('board:8', { type: 'x' })).recipients, 1)
    await client.next('x')
    assert.equal((await manager.sendToRoom('board:7', { type: 'x' })).recipients, 0)
  })

  test(`what a client says while the check thinks is answered after it, by ${name}`, async (t) => {
    const manager = made(t)
    const server = await start(t, manager, async () => {
      await fetch('data:,')
      return 'u1'
    })
    const socket = dial(server)
    t.after(() => socket.destroy())
    socket.write(
      Buffer.concat([Buffer.from(upgrade('/live/7')), Buffer.from([0x81, 0x84, 0, 0, 0, 0, ...Buffer.from('ping')])]),
    )
    let text = ''
    socket.on('data', (data) => (text += data.toString('latin1')))
    await eventually(() => text.includes('"pong"'), 'a pong')
  })

  test(`a check that never answers ends with auth_timeout, by ${name}`, async (t) => {
    const manager = made(t, { authTimeout: 0.2 })
    const server = await start(t, manager, () => new Promise(() => {}))
    const client = new Client(`${scheme(server)}://${server.host}/live/7`, trusting)
    assert.equal((await client.end()).code, 4401)
  })

  test(`a foreign origin never gets as far as the check, by ${name}`, async (t) => {
    const manager = made(t)
    let asked = 0
    const server = await start(t, manager, () => ++asked)
    const ws = new WebSocket(`${scheme(server)}://${server.host}/live/7`, {
      origin: 'https://elsewhere.example',
      ...trusting,
    })
    const [, response] = await once(ws, 'unexpected-response')
    assert.equal(response.statusCode, 403)
    assert.equal(asked, 0)
  })

  test(`after stop() clients are told to come again, by ${name}`, async (t) => {
    const manager = made(t)
    const server = await start(t, manager, () => true)
    await manager.stop(0)
    const status = await new Promise((resolve) => {
      const ws = new WebSocket(`${scheme(server)}://${server.host}/live/7`, trusting)
      ws.on('unexpected-response', (request, response) => resolve(response.statusCode))
      ws.on('error', () => {})
    })
    assert.equal(status, 503)
  })
}

test('handOver() of a socket whose client has gone harms nobody', async (t) => {
  const manager = made(t)
  const server = await serve(t)
  const client = net.connect(server.address().port, '127.0.0.1')
  client.on('error', () => {})
  const ended = new Promise((resolve) => {
    server.on('upgrade', async (req, socket, head) => {
      socket.on('error', () => {})
      socket.resume()
      client.resetAndDestroy()
      await new Promise((closed) => socket.on('close', closed))
      resolve(await manager.handOver(req, socket, head, { userId: 'u' }))
    })
  })
  client.write(upgrade('/live'))
  assert.deepEqual(await ended, { code: 1006, reason: 'the client had gone before it was handed over' })
  assert.equal((await manager.stats()).active_connections, 0)
})

test('handOver() with a room name out of the query: the client is told, and nothing is thrown', async (t) => {
  const manager = made(t)
  const server = await serve(t)
  server.on('upgrade', (req, socket, head) => {
    const board = new URL(req.url, 'http://x').searchParams.get('board')
    manager.handOver(req, socket, head, { rooms: [`board:${board}`] })
  })
  const client = new Client(`ws://${server.host}/live?board=a%20b`)
  assert.equal((await client.end()).code, 4400)
})

test('handOver() of what a look-up has not found lets nobody in', async (t) => {
  const manager = made(t)
  const known = { '/live/7': { userId: 'u1', rooms: ['board:7'] }, '/live/8': async () => ({ userId: 'u1' }) }
  for (const nobody of [undefined, null, false]) {
    const server = await serve(t)
    server.on('upgrade', (req, socket, head) => manager.handOver(req, socket, head, known[req.url] ?? nobody))
    const client = new Client(`ws://${server.host}/live/9`)
    assert.equal((await client.end()).code, 4403, String(nobody))
    for (const path of Object.keys(known)) await connect(t, `ws://${server.host}${path}`)
  }
  const server = await serve(t)
  server.on('upgrade', (req, socket, head) => manager.handOver(req, socket, head)) // checked before
  assert.equal((await connect(t, `ws://${server.host}/x`)).greeting.data.user_id, null)
})
