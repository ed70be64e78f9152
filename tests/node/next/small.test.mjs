// Small applications of Next.js, built and started: what a page is rendered from, basePath, checks, the admin panel, and the wrong side.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import WebSocket from 'ws'
import { APP, first, freePort, serve, stop } from './support.mjs'

const LAYOUT = `export default function Layout({ children }: { children: React.ReactNode }) {
  return <html><body>{children}</body></html>
}`
const REGISTER = (options = '') => `export async function register() {
  if (process.env.NEXT_RUNTIME === 'nodejs') (await import('ws_manager/next')).register(${options})
}`
const CONFIG = (config) => `import { withWsManager } from 'ws_manager/next'\nexport default withWsManager(${config})`
const SINCE = `import { wsManager } from 'ws_manager'
async function Since() {
  return <p>since {JSON.stringify(await wsManager.position('project:P'))}</p>
}`
const PLAIN = `${SINCE}\nexport default Since`
const SUSPENDED = `import { Suspense } from 'react'\n${SINCE}
export default function Page() {
  return <Suspense fallback={<p>soon</p>}><Since /></Suspense>
}`

/** A folder with an application, on the modules of the example. */
function app(t, name, files) {
  const folder = join(dirname(APP), `next-small-${name}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  // By links: Turbopack follows no symbolic ones out of its root.
  const linked = spawnSync('cp', ['-al', join(APP, 'node_modules'), join(folder, 'node_modules')])
  assert.equal(linked.status, 0, String(linked.stderr))
  cpSync(join(APP, 'package.json'), join(folder, 'package.json'))
  const all = {
    'app/layout.tsx': LAYOUT,
    'app/page.tsx': 'export default function Page() { return <p>hello</p> }',
    'instrumentation.ts': REGISTER(),
    'next.config.ts': CONFIG('{}'),
    'app/api/ws/[...path]/route.ts': `export { GET, POST, OPTIONS } from 'ws_manager/next'`,
    'app/ws/admin/route.ts': `export { GET } from 'ws_manager/next'`,
    ...files,
  }
  for (const [file, text] of Object.entries(all)) {
    if (text === null) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  return folder
}

function build(folder) {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NEXT_TELEMETRY_DISABLED: '1' }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['node_modules/next/dist/bin/next', 'build'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  return { status, text: stdout + stderr }
}

async function start(t, folder, { args, page = '/', env } = {}) {
  const port = await freePort()
  const command = args ?? [
    'node_modules/next/dist/bin/next',
    'start',
    '--port',
    String(port),
    '--hostname',
    '127.0.0.1',
  ]
  const server = await serve(port, process.execPath, command, folder, env, page)
  t.after(() => stop(server))
  return { port, server }
}

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

const wrong = {
  'a page that is made once': [
    { 'app/page.tsx': `export const dynamic = 'force-static'\n${PLAIN}` },
    /position\(\) was called while next build renders a page/,
  ],
  'a client component': [
    {
      'app/page.tsx': `'use client'
        import { wsManager } from 'ws_manager'
        export default function Page() { return <button onClick={() => wsManager.broadcast({})}>x</button> }`,
    },
    /only-in-node--here-use-ws_manager-client-or-react/,
  ],
  'a route at the edge': [
    {
      'app/edge/route.ts': `import { wsManager } from 'ws_manager'
        export const runtime = 'edge'
        export const GET = () => { wsManager.broadcast({}); return new Response('x') }`,
    },
    /only-in-node--here-use-ws_manager-client-or-react/,
  ],
  'a configuration without withWsManager()': [
    { 'next.config.ts': 'export default {}' },
    /the server part of ws_manager was bundled.*withWsManager/,
  ],
}

for (const [name, [files, sentence]] of Object.entries(wrong)) {
  test(`what is on the wrong side is told so while it is built: ${name}`, async (t) => {
    const { status: built, text: said } = build(app(t, 'wrong', files))
    assert.notEqual(built, 0)
    assert.match(said, sentence)
  })
}
