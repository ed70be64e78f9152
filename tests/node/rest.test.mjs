// The REST calls inside other servers: equal answers everywhere.
import assert from 'node:assert/strict'
import test from 'node:test'
import express from 'express'
import { WebSocketManager } from 'ws_manager'
import { connect, fastify, serve } from './support.mjs'

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
