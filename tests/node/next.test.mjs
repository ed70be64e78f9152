// ws_manager/next, as Next.js uses it: servers that it does not show, which refuse what they do not know.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import test from 'node:test'
import WebSocket, { WebSocketServer } from 'ws'
import { GET, POST, register, withWsManager } from 'ws_manager/next'
import { wsManager } from 'ws_manager'
import { connect, serve } from './support.mjs'

test('register() takes the upgrades of servers that it was not given, once however often it is called', async (t) => {
  const server = await serve(t)
  server.on('upgrade', (req, socket) => socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n'))
  register()
  register()
  createRequire(import.meta.url)('ws_manager/next').register()
  t.after(() => wsManager.stop(0))
  const client = await connect(t, `ws://${server.host}/ws/updates`)
  assert.equal((await wsManager.broadcast({ type: 'x' })).recipients, 1)
  await client.next('x')
})

test('register() has those come again that came while the server was starting, and leaves all others alone', async (t) => {
  wsManager.start()
  t.after(() => wsManager.stop(0))
  const server = await serve(t)
  const answered = new WebSocketServer({ noServer: true })
  let waiting
  const came = new Promise((resolve) => (waiting = resolve))
  server.on('upgrade', (req, socket, head) => {
    if (req.url === '/early')
      waiting() // as Next.js does: no answer
    else answered.handleUpgrade(req, socket, head, (client) => client.send('here'))
  })
  const other = new WebSocket(`ws://${server.host}/other`)
  t.after(() => other.terminate())
  await once(other, 'message')
  const early = new WebSocket(`ws://${server.host}/early`)
  const refused = once(early, 'unexpected-response')
  await came
  register()
  const [, response] = await refused
  assert.equal(response.statusCode, 503)
  response.destroy()
  other.ping()
  await once(other, 'pong')
})

test('route handlers', async (t) => {
  wsManager.start()
  t.after(() => wsManager.stop(0))
  const response = await GET(new Request('http://app.example/api/ws/connections', { headers: { 'x-api-key': 'none' } }))
  assert.ok([200, 401].includes(response.status))
  assert.equal(
    (await POST(new Request('http://app.example/api/ws/broadcast', { method: 'POST', body: '{}' }))).status,
    401,
  )
  assert.equal((await GET(new Request('http://app.example/other'))).status, 404)
})

test('a configuration that is a function stays one', async () => {
  const made = withWsManager(async (phase) => ({ output: phase }))
  assert.deepEqual(await made('standalone'), { output: 'standalone', serverExternalPackages: ['ws_manager/node/lib'] })
})

test('basePath: in the paths of sockets and of REST calls, also with a slash at the end', async (t) => {
  wsManager.start()
  withWsManager({ basePath: '/shop' })
  t.after(() => delete process.env.WS_MANAGER_NEXT_BASE_PATH)
  const server = await serve(t)
  server.on('upgrade', (req, socket) => socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n'))
  register()
  t.after(() => {
    register({ basePath: '' })
    return wsManager.stop(0)
  })
  await connect(t, `ws://${server.host}/shop/ws/updates`)
  const bare = new WebSocket(`ws://${server.host}/ws/updates`)
  const [, response] = await once(bare, 'unexpected-response')
  assert.equal(response.statusCode, 404)
  const status = async (path) => (await GET(new Request(`http://app.example${path}`))).status
  assert.equal(await status('/shop/api/ws/health'), 200)
  assert.equal(await status('/shop/api/ws/health/'), 200)
  assert.equal(await status('/shop/nothing'), 404)
})

test('withWsManager keeps what the configuration says', (t) => {
  t.after(() => delete process.env.WS_MANAGER_NEXT_BASE_PATH)
  const ours = 'ws_manager/node/lib' // ws_manager/react is bundled: with the React of the application
  assert.deepEqual(withWsManager(), { serverExternalPackages: [ours] })
  assert.deepEqual(withWsManager(withWsManager({ output: 'standalone', serverExternalPackages: ['a'] })), {
    output: 'standalone',
    serverExternalPackages: ['a', ours],
  })
})
