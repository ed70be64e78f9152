// Clients that go in the middle of a request: the process stays, and says nothing that nobody asked for.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import test from 'node:test'
import express from 'express'
import { WebSocketManager } from 'ws_manager'
import { eventually, fastify, serve } from './support.mjs'

/** What a client sends before it goes; the body never ends. */
const BODIES = {
  'a length': (path) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab`,
  'a length, of a GET': (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab`,
  chunks: (path) => `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab`,
  'chunks that are none': (path) => `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab`,
  'nothing yet': (path) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n`,
}

/** A Request of fetch's kind whose body is what still comes, as frameworks make it. */
const fetchStyle = (req, base) =>
  new Request(base + req.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    duplex: 'half',
    body: new ReadableStream({
      async start(controller) {
        try {
          for await (const chunk of req) controller.enqueue(chunk)
          controller.close()
        } catch (error) {
          controller.error(error)
        }
      },
    }),
  })

/** Each entrance: (t, manager, failed) → the server; `failed` is called with what reaches the application as an error. */
const entrances = {
  'node:http': (t, manager, failed) => serve(t, (req, res) => void manager.restHandler(req, res).catch(failed)),
  'node:http, and another handler behind': (t, manager, failed) =>
    serve(
      t,
      (req, res) => void manager.restHandler(req, res, (error) => (error ? failed(error) : res.end())).catch(failed),
    ),
  adminHandler: (t, manager, failed) => {
    const handler = manager.adminHandler(() => true)
    return serve(t, (req, res) => void handler(req, res, manager.restHandler.bind(null, req, res)).catch(failed))
  },
  'rest() as a user': (t, manager, failed) =>
    serve(t, (req, res) => void manager.rest(req, res, async () => ({ userId: 'u' })).catch(failed)),
  Express: (t, manager, failed) => {
    const app = express().use(
      manager.adminHandler(() => true),
      manager.restHandler,
    )
    app.use((error, req, res, next) => {
      failed(error)
      res.destroy()
    })
    return serve(t, app)
  },
  Fastify: async (t, manager, failed) => {
    const app = fastify()
    app.setErrorHandler((error, request, answer) => {
      // A body that is malformed is Fastify's own affair.
      if (!(error.statusCode >= 400 && error.statusCode < 500)) failed(error)
      return answer.code(400).send('')
    })
    app.register(manager.fastifyPlugin, { admin: () => true })
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.after(() => app.close())
    return app.server
  },
  fetch: (t, manager, failed) =>
    serve(t, async (req, res) => {
      try {
        const response = await manager.fetch(fetchStyle(req, 'http://h'), { ip: '127.0.0.1' })
        res.writeHead(response.status).end()
      } catch (error) {
        failed(error)
      }
    }),
}

for (const [name, entrance] of Object.entries(entrances)) {
  test(`bodies that are cut off, at ${name}`, async (t) => {
    const manager = new WebSocketManager({ admin: true })
    manager.start()
    t.after(() => manager.stop(0))
    const failures = []
    const server = await entrance(t, manager, (error) => failures.push(error))
    const { port } = server.address()
    let seen = 0
    let gone = 0
    server.on('connection', (socket) => socket.on('close', () => gone++))
    server.on('request', () => seen++)
    server.on('clientError', (error, socket) => socket.destroy())
    let expected = 0
    for (const path of ['/metrics', '/api/ws/broadcast', '/api/ws/admin/state']) {
      for (const body of Object.values(BODIES)) {
        const socket = net.connect(port, '127.0.0.1')
        socket.on('error', () => {})
        await once(socket, 'connect')
        socket.write(body(path))
        expected++
        await eventually(() => seen === expected, `request ${expected} to arrive`)
        if (expected % 2) socket.resetAndDestroy()
        else socket.destroy()
        await eventually(() => gone === expected, `connection ${expected} to be gone`)
      }
    }
    const answer = await fetch(
      `http://127.0.0.1:${port}/metrics`,
      name === 'fetch' ? { method: 'POST', body: '{' } : {},
    )
    assert.ok(answer.status < 500)
    assert.deepEqual(failures, [])
  })
}

test('a check that fails is told to the application, and never ends the process', async (t) => {
  const manager = new WebSocketManager({ admin: true })
  const said = []
  manager.logger = { ...console, debug() {}, info() {}, error: (...parts) => said.push(parts.join(' ')) }
  manager.start()
  t.after(() => manager.stop(0))
  const broken = manager.adminHandler(async () => {
    throw new Error('the session store is away')
  })
  const server = await serve(t, (req, res) => void broken(req, res))
  const answer = await fetch(`http://${server.host}/ws/admin`)
  assert.equal(answer.status, 500)
  assert.doesNotMatch(await answer.text(), /session store/)
  assert.match(said.join('\n'), /session store is away/)

  const app = express().use(broken)
  app.use((error, req, res, next) => res.status(503).send(error.message))
  const other = await serve(t, app)
  assert.equal(await (await fetch(`http://${other.host}/ws/admin`)).text(), 'the session store is away')
})

test('a body of fetch’s kind is read no further than the core takes it', async (t) => {
  const manager = new WebSocketManager()
  manager.start()
  t.after(() => manager.stop(0))
  let chunks = 0
  let cancelled = false
  const body = new ReadableStream({
    pull(controller) {
      chunks++
      controller.enqueue(new Uint8Array(2 ** 18))
    },
    cancel() {
      cancelled = true
    },
  })
  const request = new Request('http://h/api/ws/broadcast', {
    method: 'POST',
    headers: { 'content-type': 'application/json', host: 'localhost' },
    duplex: 'half',
    body,
  })
  assert.equal((await manager.fetch(request, { ip: '127.0.0.1' })).status, 413)
  assert.ok(chunks < 16, `${chunks} chunks of 256 KiB were read`)
  assert.ok(cancelled)
})
