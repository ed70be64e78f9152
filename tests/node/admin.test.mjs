// The admin panel in other servers: by key, and behind the application's own check.
import assert from 'node:assert/strict'
import test from 'node:test'
import express from 'express'
import { WebSocketManager } from 'ws_manager'
import { connect, fastify, serve } from './support.mjs'

const STATE = '/api/ws/admin/state?view=connections'
const JSON_TYPE = { 'content-type': 'application/json' }
const check = (request) => request.headers['x-staff'] === 'yes'

async function listen(t, app) {
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => app.close())
  return `http://127.0.0.1:${app.server.address().port}`
}

/** A server whose route handlers are of fetch's kind, as those of Next.js. `admin`: (request) → boolean. */
async function fetchServer(t, manager, admin) {
  const server = await serve(t, async (req, res) => {
    const chunks = []
    for await (const chunk of req) chunks.push(chunk)
    const body = req.method === 'POST' ? Buffer.concat(chunks) : undefined
    const request = new Request(`http://${req.headers.host}${req.url}`, {
      method: req.method,
      headers: req.headers,
      body,
    })
    const response = await manager.fetch(request, { ip: '127.0.0.1', ...(admin && { admin: admin(req) }) })
    res.writeHead(response.status, Object.fromEntries(response.headers))
    res.end(Buffer.from(await response.arrayBuffer()))
  })
  return `http://${server.host}`
}

const byKey = {
  'its own port': (t, manager) => `http://127.0.0.1:${manager.port}`,
  'node:http': async (t, manager) => `http://${(await serve(t, manager.restHandler)).host}`,
  'Express with a prefix and a body parser': async (t, manager) => {
    const app = express().use(express.json()).use('/v1', manager.restHandler)
    return `http://${(await serve(t, app)).host}/v1`
  },
  Fastify: (t, manager) => listen(t, fastify().register(manager.fastifyPlugin)),
  'a route handler': (t, manager) => fetchServer(t, manager),
}

for (const [name, start] of Object.entries(byKey)) {
  test(`the panel on ${name}, by the API key`, async (t) => {
    const manager = new WebSocketManager({ admin: true, apiKey: 'secret-key' })
    const port = await manager.listen()
    t.after(() => manager.stop(0))
    const client = await connect(t, `ws://127.0.0.1:${port}/ws/updates`)
    const base = await start(t, manager)
    const page = await fetch(`${base}/ws/admin`)
    assert.equal(page.status, 200)
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.equal(page.headers.get('x-frame-options'), 'DENY')
    assert.match(page.headers.get('content-security-policy'), /^default-src 'none'; script-src 'sha256-/)
    assert.match(await page.text(), /<title>ws_manager admin<\/title>/)
    assert.equal((await fetch(base + STATE)).status, 401)
    const headers = { 'x-api-key': 'secret-key' }
    const state = await (await fetch(base + STATE, { headers })).json()
    assert.equal(state.connections.rows[0].path, '/ws/updates')
    const body = JSON.stringify({ client_id: state.connections.rows[0].id })
    const post = (more) =>
      fetch(`${base}/api/ws/admin/disconnect`, { method: 'POST', body, headers: { ...JSON_TYPE, ...more } })
    assert.equal((await post({})).status, 401)
    assert.deepEqual(await (await post(headers)).json(), { closed: 1 })
    assert.equal((await client.until(() => client.closed)).code, 4409)
  })
}

const byCheck = {
  Express: async (t, manager) => {
    const app = express().use('/staff', manager.adminHandler(check)).use(manager.restHandler)
    return `http://${(await serve(t, app)).host}/staff`
  },
  'node:http': async (t, manager) =>
    `http://${
      (
        await serve(
          t,
          manager.adminHandler(async (req) => check(req)),
        )
      ).host
    }`,
  Fastify: (t, manager) => listen(t, fastify().register(manager.fastifyPlugin, { admin: check })),
  'a route handler': (t, manager) => fetchServer(t, manager, check),
}

for (const [name, start] of Object.entries(byCheck)) {
  test(`the panel in ${name}, behind the application's check`, async (t) => {
    const manager = new WebSocketManager()
    manager.start()
    t.after(() => manager.stop(0))
    const base = await start(t, manager)
    const staff = { 'x-staff': 'yes' }
    for (const path of ['/ws/admin', STATE]) {
      assert.ok([403, 404].includes((await fetch(base + path)).status))
      assert.equal((await fetch(base + path, { headers: staff })).status, 200)
    }
    const body = JSON.stringify({ ip: '192.0.2.7', seconds: 60 })
    const ban = async (headers) => (await fetch(`${base}/api/ws/admin/ban`, { method: 'POST', body, headers })).status
    assert.ok([403, 404].includes(await ban(JSON_TYPE)))
    assert.equal(await ban({ ...staff, ...JSON_TYPE }), 200)
    assert.equal(await ban({ ...staff, ...JSON_TYPE, origin: 'https://evil.example' }), 403)
    assert.equal(await ban({ ...staff, ...JSON_TYPE, 'content-type': 'text/plain' }), 415)
    assert.equal((await fetch(`${base}/api/ws/other`, { headers: staff })).status, 404)
  })
}

test('a check that fails or says nothing keeps everybody out', async (t) => {
  const manager = new WebSocketManager({ admin: true })
  manager.start()
  t.after(() => manager.stop(0))
  assert.throws(() => manager.adminHandler(), /adminHandler\(check\)/)
  await assert.rejects(async () => fastify().register(manager.fastifyPlugin, { admin: true }).ready(), /option admin/)
  const app = express()
    .use(
      '/silent',
      manager.adminHandler(() => undefined),
    )
    .use(
      '/broken',
      manager.adminHandler(() => Promise.reject(new Error('no session store'))),
    )
    .use((error, req, res, next) => (error ? res.status(500).send(error.message) : next()))
  const { host } = await serve(t, app)
  const silent = await fetch(`http://${host}/silent${STATE}`)
  assert.equal(silent.status, 403)
  assert.match(await silent.text(), /returning something true/)
  assert.equal((await fetch(`http://${host}/broken${STATE}`)).status, 500)
})
