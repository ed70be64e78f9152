// Small applications of Next.js, built and started: what a page is rendered from, basePath, checks, and the admin panel.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import WebSocket from 'ws'
import { CONFIG, PLAIN, REGISTER, SUSPENDED, app, build, start } from './small.mjs'
import { first, stop } from './support.mjs'

/** The status of a GET with these header fields, by whatever name the host is called. */
async function status(port, path, headers = {}) {
  const request = http.get({ port, host: '127.0.0.1', path, headers: { host: `localhost:${port}`, ...headers } })
  const [response] = await once(request, 'response')
  response.resume()
  return response.statusCode
}

/** An upgrade that is nobody's: Next.js never answers those. The function that is returned says that this one was not. */
function unanswered(t, port, path) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  socket.on('error', () => {})
  t.after(() => socket.terminate())
  return () => assert.notEqual(socket.readyState, WebSocket.OPEN, path)
}

const text = async (port, path) => (await fetch(`http://127.0.0.1:${port}${path}`)).text()
const sinceOf = (page) => /since (?:<!-- -->)?(\{.*?\})/.exec(page.replaceAll('&quot;', '"'))?.[1]

for (const [name, cacheComponents, page] of [
  ['without cacheComponents', false, PLAIN],
  ['with cacheComponents', true, SUSPENDED],
]) {
  test(`position() in a server component is that of the request, ${name}; basePath`, async (t) => {
    const folder = app(t, cacheComponents ? 'cached' : 'plain', {
      'app/page.tsx': page,
      'next.config.ts': CONFIG(`{ cacheComponents: ${cacheComponents}, basePath: '/shop', output: 'standalone' }`),
      'app/send/route.ts': `import { wsManager } from 'ws_manager'
        export async function POST() {
          const { epoch, offset } = await wsManager.sendToRoom('project:P', { type: 'x' })
          return Response.json({ epoch, offset })
        }`,
    })
    const { status: built, text: said } = build(folder)
    assert.equal(built, 0, said)
    const standalone = { args: [join('.next/standalone', 'server.js')] }
    for (const way of cacheComponents ? [{}, standalone] : [{}]) {
      const { port, server } = await start(t, folder, { ...way, page: '/shop', env: { WEBSOCKET_ADMIN: 'true' } })
      for (let i = 0; i < 2; i++) {
        const sent = await (await fetch(`http://127.0.0.1:${port}/shop/send`, { method: 'POST' })).json()
        assert.deepEqual(JSON.parse(sinceOf(await text(port, '/shop'))), sent)
      }
      // Our paths are below basePath, and nowhere else.
      const bare = unanswered(t, port, '/ws/updates')
      assert.equal((await first(port, '/shop/ws/updates')).type, 'connected')
      bare()
      assert.equal(await status(port, '/shop/api/ws/health'), 200)
      assert.equal(await status(port, '/api/ws/health'), 404)
      // The admin panel without a key: for this machine, by a name of this machine, and for nobody behind it.
      assert.equal(await status(port, '/shop/ws/admin'), 200)
      assert.equal(await status(port, '/shop/api/ws/admin/state'), 200)
      assert.equal(await status(port, '/shop/ws/admin', { 'x-forwarded-for': '203.0.113.9' }), 403)
      assert.equal(await status(port, '/shop/ws/admin', { host: 'shop.example' }), 403)
      assert.equal(
        await status(port, '/shop/ws/admin', { 'x-ws-manager-request': 'x', 'x-forwarded-for': '203.0.113.9' }),
        403,
      )
      await stop(server)
    }
  })
}

test('endpoints with checks, and none of the built-in ones', async (t) => {
  const folder = app(t, 'checks', {
    'instrumentation.ts': REGISTER(`{ defaults: false, endpoints: {
      '/live/:board': async (req) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return req.headers.cookie === 'session=1' ? { userId: 'u1', rooms: ['board:' + req.params.board] } : null
      } } }`),
  })
  const { status: built, text: said } = build(folder)
  assert.equal(built, 0, said)
  const { port } = await start(t, folder)
  const dial = (path, cookie) => new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { cookie } })
  const nobody = ['/ws', '/ws/notifications', '/ws/updates'].map((path) => unanswered(t, port, path))
  const let_in = dial('/live/7', 'session=1')
  t.after(() => let_in.terminate())
  const greeting = JSON.parse(String((await once(let_in, 'message'))[0]))
  assert.equal(greeting.data.user_id, 'u1')
  assert.ok('board:7' in greeting.data.rooms)
  const [code] = await once(dial('/live/7', 'session=2'), 'close')
  assert.equal(code, 4403)
  nobody.forEach((check) => check())
})
