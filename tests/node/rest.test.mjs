// The REST calls inside other servers: equal answers everywhere.
import assert from 'node:assert/strict'
import net from 'node:net'
import test from 'node:test'
import express from 'express'
import { WebSocketManager } from 'ws_manager'
import { connect, eventually, fastify, serve } from './support.mjs'

const POST = { method: 'POST', headers: { 'content-type': 'application/json' } }

/** Each way to serve the calls: (t, manager) → base URL. */
const servers = {
  'its own port': (t, manager) => `http://127.0.0.1:${manager.port}`,
  'node:http': async (t, manager) => `http://${(await serve(t, manager.restHandler)).host}`,
  Express: async (t, manager) => {
    const app = express()
    app.use('/v1', manager.restHandler)
    app.use((req, res) => res.send('application'))
    const server = await serve(t, app)
    assert.equal(await (await fetch(`http://${server.host}/other`)).text(), 'application')
    return `http://${server.host}/v1`
  },
  'Express behind a body parser': async (t, manager) => {
    const app = express().use(express.json()).use(manager.restHandler)
    return `http://${(await serve(t, app)).host}`
  },
  Fastify: async (t, manager) => {
    const app = fastify()
    app.register(manager.fastifyPlugin)
    app.post('/mine', (request) => request.body)
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.after(() => app.close())
    const base = `http://127.0.0.1:${app.server.address().port}`
    assert.deepEqual(await (await fetch(`${base}/mine`, { ...POST, body: '{"still":"parsed"}' })).json(), {
      still: 'parsed',
    })
    return base
  },
  'Fastify with a prefix': async (t, manager) => {
    const app = fastify()
    app.register(async (scope) => scope.register(manager.fastifyPlugin), { prefix: '/v1' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.after(() => app.close())
    return `http://127.0.0.1:${app.server.address().port}/v1`
  },
  'a route handler': async (t, manager) => {
    const server = await serve(t, async (req, res) => {
      const body =
        req.method === 'POST' ? Buffer.concat((await Array.fromAsync?.(req)) ?? (await chunks(req))) : undefined
      const request = new Request(`http://${req.headers.host}${req.url}`, {
        method: req.method,
        headers: req.headers,
        body,
      })
      const response = await manager.fetch(request, { ip: '127.0.0.1' })
      res.writeHead(response.status, Object.fromEntries(response.headers))
      res.end(Buffer.from(await response.arrayBuffer()))
    })
    return `http://${server.host}`
  },
}

async function chunks(stream) {
  const all = []
  for await (const chunk of stream) all.push(chunk)
  return all
}

for (const [name, start] of Object.entries(servers)) {
  test(`REST on ${name}`, async (t) => {
    const manager = new WebSocketManager()
    const port = await manager.listen()
    t.after(() => manager.stop(0))
    const client = await connect(t, `ws://127.0.0.1:${port}/ws/project/P`)
    const base = await start(t, manager)
    const get = async (path) => {
      const response = await fetch(base + path)
      return [response.status, response.headers.get('content-type'), await response.text()]
    }
    assert.equal(JSON.parse((await get('/api/ws/stats'))[2]).active_connections, 1)
    assert.deepEqual(await get('/api/ws/connections'), [200, 'application/json', '{"active_connections":1}'])
    assert.deepEqual(JSON.parse((await get('/api/ws/project/P/subscribers'))[2]), { project_id: 'P', subscribers: 1 })
    const message = JSON.stringify({ event_type: 'from REST', data: { a: 'é' }, project_id: 'P' })
    const sent = await fetch(`${base}/api/ws/broadcast`, { ...POST, body: message })
    assert.equal(sent.status, 200)
    assert.equal((await sent.json()).recipients, 1)
    assert.deepEqual((await client.next('from REST')).data, { a: 'é' })
    const broken = await fetch(`${base}/api/ws/broadcast`, { ...POST, body: '{' })
    assert.ok(broken.status === 400, `400, not ${broken.status}`)
    const history = JSON.parse((await get('/api/ws/history?room=project:P'))[2])
    assert.equal(history.messages.length, 1)
    const [status, type, text] = await get('/metrics')
    assert.equal(status, 200)
    assert.match(type, /^text\/plain; version=0\.0\.4/)
    assert.match(text, /^# HELP/)
    assert.equal((await fetch(`${base}/api/ws/stats`, { method: 'DELETE' })).status, 405)
  })
}

test('a client of a proxy on this machine needs the key', async (t) => {
  const manager = new WebSocketManager()
  manager.start()
  t.after(() => manager.stop(0))
  const server = await serve(t, manager.restHandler)
  const status = async (headers) => (await fetch(`http://${server.host}/api/ws/stats`, { headers })).status
  assert.equal(await status({}), 200)
  assert.equal(await status({ 'x-forwarded-for': '203.0.113.9' }), 401)
  assert.equal(await status({ forwarded: 'for=203.0.113.9' }), 401)
  const request = new Request('http://h/api/ws/stats', { headers: { 'x-forwarded-for': '127.0.0.1' } })
  assert.equal((await manager.fetch(request)).status, 401)
})

test('a body that is too large is refused without being kept', async (t) => {
  const manager = new WebSocketManager()
  manager.start()
  t.after(() => manager.stop(0))
  const server = await serve(t, manager.restHandler)
  const response = await fetch(`http://${server.host}/api/ws/broadcast`, { ...POST, body: 'x'.repeat(3 * 2 ** 20) })
  assert.equal(response.status, 413)
})

test('without a runtime the answer is 503', async (t) => {
  const manager = new WebSocketManager()
  manager.start()
  await manager.stop(0)
  const server = await serve(t, manager.restHandler)
  const response = await fetch(`http://${server.host}/api/ws/stats`)
  assert.equal(response.status, 503)
  assert.match(await response.text(), /stopped/)
  assert.equal((await fetch(`http://${server.host}/other`)).status, 404)
})

// ---- who calls ----

const asUser = (request) => ({ userId: request.headers['x-user'], rooms: ['board:7'], subscribe: ['team:*'] })
const fetchHandler = (manager, answer) => async (req, res) => {
  const response = await answer(new Request(`http://h${req.url}`, { headers: req.headers }))
  res.writeHead(response.status, Object.fromEntries(response.headers))
  res.end(Buffer.from(await response.arrayBuffer()))
}

/** Each way to say who calls: (t, manager) → host. */
const identified = {
  'rest()': async (t, manager) => (await serve(t, (req, res) => manager.rest(req, res, asUser(req)))).host,
  'rest() with a function': async (t, manager) =>
    (await serve(t, (req, res) => manager.rest(req, res, async (req) => asUser(req)))).host,
  'rest() in Express': async (t, manager) =>
    (
      await serve(
        t,
        express().use('/my', (req, res, next) => manager.rest(req, res, asUser(req), next)),
      )
    ).host + '/my',
  'Fastify, option identify': async (t, manager) => {
    const app = fastify().register(manager.fastifyPlugin, { identify: asUser })
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.after(() => app.close())
    return `127.0.0.1:${app.server.address().port}`
  },
  'fetch()': async (t, manager) =>
    (
      await serve(
        t,
        fetchHandler(manager, (request) =>
          manager.fetch(request, { userId: request.headers.get('x-user'), rooms: ['board:7'], subscribe: ['team:*'] }),
        ),
      )
    ).host,
  'the authenticate handler': async (t, manager) => {
    manager.authenticate(async (request) => (request.headers['x-user'] ? asUser(request) : null))
    return (await serve(t, manager.restHandler)).host
  },
  'the authenticate handler, and the own port': async (t, manager) => {
    manager.authenticate(async (request) => (request.headers['x-user'] ? asUser(request) : null))
    return `127.0.0.1:${manager.port}`
  },
  'the authenticate handler, and fetch()': async (t, manager) => {
    manager.authenticate(async (request) => (request.headers['x-user'] ? asUser(request) : null))
    return (
      await serve(
        t,
        fetchHandler(manager, (request) => manager.fetch(request)),
      )
    ).host
  },
}

for (const [name, start] of Object.entries(identified)) {
  test(`history is for who may have it: ${name}`, async (t) => {
    const manager = new WebSocketManager({ access: 'granted', port: 0 })
    manager.start()
    t.after(() => manager.stop(0))
    const host = await start(t, manager)
    manager.subscribe('u1', 'sticky')
    for (const room of ['board:7', 'team:1', 'board:8', 'sticky']) await manager.sendToRoom(room, { type: 'x' })
    const status = async (room, headers = { 'x-user': 'u1' }) =>
      (await fetch(`http://${host}/api/ws/history?room=${room}`, { headers })).status
    assert.equal(await status('board:7'), 200)
    assert.equal(await status('team:1'), 200)
    assert.equal(await status('sticky'), 200)
    assert.equal(await status('board:8'), 403)
    assert.equal(await status('sticky', { 'x-user': 'u2' }), 403)
    if (name.startsWith('the authenticate')) {
      assert.equal(await status('board:7', {}), 401)
      // Where the core takes no tokens, those of a request are the handler's affair.
      assert.equal(await status('board:7', { 'x-user': 'u1', authorization: 'Bearer opaque' }), 200)
      // Behind a proxy its address is nobody's.
      assert.equal(await status('board:7', { 'x-forwarded-for': '127.0.0.1' }), 401)
    }
  })
}

test('who may not call is told so, and names out of the query are no fault of the server', async (t) => {
  const manager = new WebSocketManager({ access: 'granted' })
  const said = []
  manager.logger = { debug() {}, info() {}, warn() {}, error: (...parts) => said.push(parts.join(' ')) }
  manager.start()
  t.after(() => manager.stop(0))
  const server = await serve(t, (req, res) =>
    manager.rest(req, res, async (req) => {
      const board = new URL(req.url, 'http://x').searchParams.get('board')
      if (board === 'none') return null
      if (board === 'throws') throw new Error('the database is away')
      if (board?.startsWith('*')) return { subscribe: [`board:${board}`] }
      return { rooms: [`board:${board}`] }
    }),
  )
  const status = async (board) =>
    (await fetch(`http://${server.host}/api/ws/history?room=board:7&board=${board}`)).status
  assert.equal(await status('7'), 200)
  assert.equal(await status('8'), 403)
  assert.equal(await status('none'), 403)
  assert.equal(await status('a%20b'), 400)
  assert.equal(await status('*'), 400)
  assert.deepEqual(said, [])
  assert.equal(await status('throws'), 500)
  assert.match(said.join(), /the database is away/)
  assert.throws(() => manager.rest({}, {}), TypeError)
})

test('a refusal of the function that says who calls is an answer, as an endpoint’s is, and no failure', async (t) => {
  const manager = new WebSocketManager()
  const said = []
  manager.logger = { debug() {}, info() {}, warn() {}, error: (...parts) => said.push(parts.join(' ')) }
  manager.start()
  t.after(() => manager.stop(0))
  const server = await serve(t, (req, res) =>
    manager.rest(req, res, async ({ headers }) => {
      throw Object.assign(new Error(`not ${headers['x-user']}`), JSON.parse(headers['x-error']))
    }),
  )
  const refusals = [
    [{ status: 401 }, 401],
    [{ statusCode: 403 }, 403],
    [{ code: 4401 }, 401],
    [{ code: 4400 }, 400],
    [{ code: 4429 }, 429],
    [{ code: 4404 }, 403],
  ]
  for (const [error, status] of refusals) {
    const headers = { 'x-user': 'u1', 'x-error': JSON.stringify(error) }
    const answer = await fetch(`http://${server.host}/api/ws/history?room=x`, { headers })
    assert.equal(answer.status, status, JSON.stringify(error))
    assert.equal(await answer.text(), 'not u1')
  }
  assert.deepEqual(said, [])
})

test('who calls rest() and is nobody, as a look-up says, is refused, and nothing is thrown', async (t) => {
  const manager = new WebSocketManager()
  manager.start()
  t.after(() => manager.stop(0))
  const sessions = { mine: { userId: 'u1', rooms: ['board:7'] } }
  for (const nobody of [undefined, null, false]) {
    const server = await serve(t, (req, res) => manager.rest(req, res, sessions[req.headers.session] ?? nobody))
    const status = async (session) =>
      (await fetch(`http://${server.host}/api/ws/history?room=board:7`, { headers: { session } })).status
    assert.equal(await status('mine'), 200)
    assert.equal(await status('another'), 403)
  }
})

test('on the own port a caller is told the reason of the authenticate handler', async (t) => {
  const manager = new WebSocketManager({ port: 0 })
  manager.logger = { debug() {}, info() {}, warn() {}, error() {} }
  manager.start()
  t.after(() => manager.stop(0))
  const states = []
  manager.onConnect((connection) => states.push(connection.state))
  const history = async (query = '') => {
    const answer = await fetch(`http://127.0.0.1:${manager.port}/api/ws/history?room=board:7${query}`)
    return [answer.status, (await answer.json()).error?.message]
  }
  manager.authenticate(async () => {
    throw Object.assign(new Error('this account is blocked'), { status: 403 })
  })
  assert.deepEqual(await history(), [403, 'this account is blocked'])
  manager.authenticate(() => {
    throw new Error('the database is away')
  })
  assert.deepEqual(await history(), [503, 'The authentication handler failed.'])
  manager.authenticate(({ query }) => ({ rooms: [`board:${query.get('board') ?? 7}`], state: { by: 'HTTP' } }))
  assert.deepEqual(await history(), [200, undefined])
  assert.equal((await history('&board=*'))[0], 400)
  assert.equal(manager._states.take(0), undefined)
})

test('an authenticate handler that throws, or does not answer, lets nobody in by REST', async (t) => {
  const manager = new WebSocketManager({ authTimeout: 0.1 })
  const said = []
  manager.logger = { debug() {}, info() {}, warn() {}, error: (...parts) => said.push(parts.join(' ')) }
  manager.start()
  t.after(() => manager.stop(0))
  const server = await serve(t, manager.restHandler)
  const status = async () => (await fetch(`http://${server.host}/api/ws/history?room=board:7`)).status
  manager.authenticate(() => new Promise(() => {}))
  assert.equal(await status(), 401)
  assert.match(said.join(), /auth_timeout/)
  manager.authenticate(() => {
    throw new Error('broken')
  })
  assert.equal(await status(), 503)
  assert.match(said.join(), /broken/)
})

for (const name of ['node:http', 'Fastify']) {
  test(`a packet of requests whose answers nobody reads is answered one by one: ${name}`, async (t) => {
    const manager = new WebSocketManager()
    manager.start()
    t.after(() => manager.stop(0))
    for (let i = 0; i < 5; i++) await manager.sendToRoom('big', { type: 'n', data: { i, pad: 'x'.repeat(100_000) } })
    const asked = []
    const rest = manager._rest
    manager._rest = function (method, path, query, ip, fields, ...more) {
      asked.push(fields.includes('x-packet'))
      return rest.call(this, method, path, query, ip, fields, ...more)
    }
    const base = await servers[name](t, manager)
    const silent = net.connect(new URL(base).port, '127.0.0.1')
    t.after(() => silent.destroy())
    silent.pause()
    const request = 'GET /api/ws/history?room=big HTTP/1.1\r\nHost: localhost\r\nx-packet: 1\r\n\r\n'
    silent.write(request.repeat(150))
    await eventually(() => asked.length > 0)
    // Others are served meanwhile; by then the kernel's buffers are full, and no more than they hold has been answered.
    for (let i = 0; i < 40; i++) assert.equal((await fetch(`${base}/api/ws/history?room=big`)).status, 200)
    const answered = asked.filter(Boolean).length
    assert.ok(answered < 75, `${answered} of 150 answers wait to be read`)
    let heads = 0
    let tail = ''
    silent.on('data', (chunk) => {
      const text = tail + chunk.toString('latin1')
      heads += text.split('HTTP/1.1 200').length - 1
      tail = text.slice(-11)
    })
    silent.resume()
    await eventually(() => heads === 150)
    // Who goes away in the middle wakes nobody.
    const gone = net.connect(new URL(base).port, '127.0.0.1')
    gone.pause()
    gone.write(request.repeat(150))
    const before = asked.length
    await eventually(() => asked.length > before)
    gone.destroy()
    assert.equal((await fetch(`${base}/api/ws/history?room=big`)).status, 200)
  })
}
