// Who calls: what proxies add, names of loopback, guessed keys, pages of other ports; and what is logged about it.
import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import test from 'node:test'
import express from 'express'
import Fastify from 'fastify'
import { WebSocketManager } from 'ws_manager'
import { Client, serve } from './support.mjs'

/** The status of a call from 127.0.0.1. */
function call(port, what, headers = {}) {
  const [method, path] = what.split(' ')
  const body = method === 'POST' ? '{"event_type":"x"}' : undefined
  return new Promise((resolve, reject) => {
    const fields = { host: 'localhost', ...(body && { 'content-type': 'application/json' }), ...headers }
    const request = http.request({ port, host: '127.0.0.1', method, path, headers: fields, agent: false }, (response) =>
      response.resume().on('end', () => resolve(response.statusCode)),
    )
    request.on('error', reject).end(body)
  })
}

async function fastify(t, manager, options) {
  const app = Fastify({ trustProxy: true })
  app.register(manager.fastifyPlugin, options)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => app.close())
  return app.server.address().port
}

const portOf = (server) => server.address().port

/** Ways in: (t, manager) → port. */
const entrances = {
  'its own port': (t, manager) => manager.port,
  'node:http': async (t, manager) => portOf(await serve(t, manager.restHandler)),
  Express: async (t, manager) => portOf(await serve(t, express().set('trust proxy', true).use(manager.restHandler))),
  Fastify: fastify,
}

async function start(t, options) {
  const manager = new WebSocketManager({ port: 0, ...options })
  await manager.start()
  t.after(() => manager.stop(0))
  return manager
}

const FROM_PROXIES = {
  'x-forwarded-proto': 'https',
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-host': 'localhost',
  forwarded: 'for=127.0.0.1',
  'x-real-ip': '127.0.0.1',
  via: '1.1 proxy',
  'cf-connecting-ip': '203.0.113.9',
}

/** The status of the answer to a request as it is. */
function raw(port, request) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request))
    socket.on('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(Number(String(data).split(' ')[1]))
    })
  })
}

for (const [name, enter] of Object.entries(entrances)) {
  test(`who names no host is not local, and of two fields of a kind none counts: ${name}`, async (t) => {
    const port = await enter(t, await start(t, { admin: true }))
    for (const path of ['/api/ws/stats', '/metrics', '/api/ws/admin/state']) {
      assert.equal(await raw(port, `GET ${path} HTTP/1.0\r\nHost: localhost\r\n\r\n`), 200, path)
      assert.ok([401, 403].includes(await raw(port, `GET ${path} HTTP/1.0\r\n\r\n`)), path)
    }
    for (const field of [
      'Origin: http://localhost\r\nOrigin: http://evil.example',
      'Host: evil.example',
      'X-API-Key: a\r\nX-API-Key: b',
    ]) {
      const request = `GET /api/ws/history?room=r HTTP/1.1\r\nHost: localhost\r\n${field}\r\n\r\n`
      assert.equal(await raw(port, request), 400, field)
    }
  })

  test(`a call with a proxy's header is not local: ${name}`, async (t) => {
    const port = await enter(t, await start(t, { admin: true }))
    for (const what of ['POST /api/ws/broadcast', 'GET /api/ws/stats', 'GET /metrics', 'GET /api/ws/admin/state']) {
      assert.equal(await call(port, what), 200, what)
      for (const [field, value] of Object.entries(FROM_PROXIES)) {
        assert.ok([401, 403].includes(await call(port, what, { [field]: value })), `${what}, ${field}`)
      }
    }
  })

  test(`history of a page whose name resolves to loopback: ${name}`, async (t) => {
    const port = await enter(t, await start(t))
    const history = 'GET /api/ws/history?room=r'
    assert.equal(await call(port, history), 200)
    assert.equal(await call(port, history, { host: 'evil.example' }), 403)
    assert.equal(await call(port, history, { host: 'evil.example', 'x-forwarded-for': '203.0.113.9' }), 403)
  })

  test(`guesses of the key count against the address that the proxy names: ${name}`, async (t) => {
    const manager = await start(t, { apiKey: 'the-right-one', banThreshold: 5 })
    const port = await enter(t, manager)
    for (let i = 0; i < 8; i++) {
      const status = await call(port, 'GET /metrics', { 'x-forwarded-for': '203.0.113.9', 'x-api-key': `guess ${i}` })
      assert.ok(status === 401 || status === 429, `status ${status}`)
    }
    const bans = await manager.bans()
    assert.deepEqual(
      bans.map((ban) => [ban.ip, ban.reason]),
      [['203.0.113.9', 'repeated wrong API keys']],
    )
  })

  test(`only the panel's own pages call it without a key: ${name}`, async (t) => {
    const port = await enter(t, await start(t, { admin: true }))
    const pages = {
      'http://localhost:8000': 200,
      'http://localhost:3000': 403,
      'https://localhost:8000': 403,
      'http://127.0.0.1:8000': 403,
    }
    for (const [origin, status] of Object.entries(pages)) {
      assert.equal(await call(port, 'GET /api/ws/admin/state', { host: 'localhost:8000', origin }), status, origin)
    }
  })
}

test('scheme and host of a proxy count for REST and sockets alike', async (t) => {
  const manager = await start(t)
  const server = await serve(
    t,
    manager.adminHandler(() => true),
  )
  manager.attach(server)
  const behind = await fastify(t, manager, { admin: () => true })
  const said = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'app.example' }
  for (const [origin, allowed] of [
    ['https://app.example', true],
    ['http://app.example', false],
    ['https://inner', false],
  ]) {
    const headers = { ...said, host: 'inner', origin }
    const state = 'GET /api/ws/admin/state'
    assert.equal(await call(portOf(server), state, headers), allowed ? 200 : 403, origin)
    assert.equal(await call(behind, state, headers), allowed ? 200 : 403, origin)
    const client = new Client(`ws://127.0.0.1:${portOf(server)}/ws`, { headers })
    t.after(() => client.ws.terminate())
    if (allowed) await client.next('connected')
    else await assert.rejects(client.next('connected'), /403/)
  }
})

test('a page whose name resolves to loopback gets no socket, and the log says why without the path', async (t) => {
  const lines = []
  const note = (line) => lines.push(line)
  const logger = { debug: note, info: note, warn: note, error: note }
  const manager = await start(t)
  manager.logger = logger
  const server = await serve(t)
  manager.attach(server)
  const token = '5f2b8c1e9a7d4036b8f1c2d3e4a5b697'
  const open = async (path, host, origin) => {
    const client = new Client(`ws://127.0.0.1:${portOf(server)}${path}`, { headers: { host, origin } })
    t.after(() => client.ws.terminate())
    return client.until(() => client.messages.length > 0, 'a greeting')
  }
  await assert.rejects(open('/ws/notifications', 'evil.example:8000', 'http://evil.example:8000'), /403/)
  await open('/ws/notifications', 'localhost:8000', 'http://localhost:8000')
  await assert.rejects(open(`/ws/project/${token}`, 'localhost', 'https://evil.example'), /403/)
  const refusals = () => lines.filter((line) => line.startsWith('refused: '))
  while (refusals().length < 2) await new Promise(setImmediate)
  assert.match(refusals()[0], /of Origin http:\/\/evil\.example:8000 to host .*\/ws\/notifications: .*allowed_origins/)
  assert.match(refusals()[1], /of Origin https:\/\/evil\.example .*\/ws\/project\/\{project_id\}: /)
  assert.ok(!lines.some((line) => line.includes(token)))
})
