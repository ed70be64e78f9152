// The package inside Next.js: the example's pages in a browser, and each way in which Next.js serves.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import WebSocket from 'ws'

const APP = process.env.NEXT_APP
const STANDALONE = process.env.NEXT_STANDALONE
const LONG = 120_000

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** A server of the application; answers when it does. */
async function serve(port, command, args, folder, env = {}) {
  const child = spawn(command, args, {
    cwd: folder,
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      PORT: String(port),
      HOSTNAME: '127.0.0.1',
      NEXT_TELEMETRY_DISABLED: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own: next dev has children
  })
  child.said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (child.said += data))
  child.gone = once(child, 'exit')
  for (const end = Date.now() + LONG; ; await sleep(100)) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => null)
    if (answer?.ok) return child
    if (child.exitCode !== null || Date.now() > end) assert.fail(`the server does not answer: ${child.said}`)
  }
}

const next = (port, mode, folder = APP) =>
  serve(
    port,
    process.execPath,
    ['node_modules/next/dist/bin/next', mode, '--port', String(port), '--hostname', '127.0.0.1'],
    folder,
  )

async function stop(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It is over already.
  }
  await child.gone
}

/** The first message of a connection, or the HTTP status it was refused with. */
function first(port, path) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
    const timer = setTimeout(() => reject(new Error(`${path} says nothing`)), LONG)
    const end = (value) => {
      clearTimeout(timer)
      resolve(value)
      socket.terminate()
    }
    socket.on('message', (data) => end(JSON.parse(String(data))))
    socket.on('unexpected-response', (_request, response) => end(response.statusCode))
    socket.on('error', () => end('ended'))
  })
}

let browser
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
})
after(() => browser?.close())

async function open(t, port) {
  const context = await browser.newContext()
  t.after(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(LONG)
  page.problems = []
  page.on('console', (message) => {
    // What the browser itself says of a server that is away is no fault of the page's.
    if (message.type() === 'error' && !/ERR_|WebSocket connection to/.test(message.text()))
      page.problems.push(message.text())
  })
  page.on('pageerror', (error) => page.problems.push(String(error)))
  await page.goto(`http://127.0.0.1:${port}/`)
  await page.getByTestId('status').getByText('Live').waitFor()
  return page
}

test('two windows, jobs, the board and the log, through a kill and a restart', async (t) => {
  const port = await freePort()
  let server = await next(port, 'start')
  t.after(() => stop(server))
  const one = await open(t, port)
  const other = await open(t, port)

  // Figures that change, without anybody's doing.
  const figure = one.getByTestId('memory')
  await figure.getByText('GB').waitFor()

  // A file becomes a job in both windows, and its result is right.
  const bytes = Buffer.alloc(3_000_000, 'ws_manager')
  const { createHash } = await import('node:crypto')
  await one
    .getByTestId('file')
    .setInputFiles({ name: 'sample.bin', mimeType: 'application/octet-stream', buffer: bytes })
  for (const page of [one, other]) {
    await page
      .getByTestId('job')
      .getByText(`sha256 ${createHash('sha256').update(bytes).digest('hex')}`)
      .waitFor()
    await page.getByTestId('job').getByText('completed').waitFor()
  }

  // A story moves from window to window.
  await one.getByLabel('Title of a new story').fill('Made in one window')
  await one.getByRole('button', { name: 'Add' }).click()
  const story = other.getByTestId('story').filter({ hasText: 'Made in one window' })
  await story.waitFor()
  await other.getByLabel('Column of Made in one window').selectOption('Done')
  await one.getByTestId('column-Done').getByText('Made in one window').waitFor()
  await one.getByRole('log').getByText('“Made in one window” moved to Done').waitFor()

  // The server dies and comes back: its memory is lost, and the pages say and show what is true now.
  await stop(server)
  await one.getByTestId('status').getByText('Reconnecting').waitFor()
  server = await next(port, 'start')
  for (const page of [one, other]) {
    await page.getByTestId('status').getByText('Live').waitFor({ timeout: LONG })
    await page.getByText('Made in one window').first().waitFor({ state: 'detached' })
    await page.getByTestId('story').first().waitFor()
  }
  assert.deepEqual([...one.problems, ...other.problems], [])
})

test('a page that the server has rendered goes on without a gap', async (t) => {
  const port = await freePort()
  const server = await next(port, 'start')
  t.after(() => stop(server))
  const page = await open(t, port)
  for (let i = 0; i < 5; i++) {
    await page.getByLabel('Title of a new story').fill(`Story ${i}`)
    await page.getByRole('button', { name: 'Add' }).click()
    await page
      .getByTestId('story')
      .filter({ hasText: `Story ${i}` })
      .waitFor()
  }
  // Without JavaScript there is the server's rendering alone.
  const context = await browser.newContext({ javaScriptEnabled: false })
  t.after(() => context.close())
  const rendered = await context.newPage()
  await rendered.goto(`http://127.0.0.1:${port}/`)
  assert.equal(
    await rendered
      .getByTestId('story')
      .filter({ hasText: /Story \d/ })
      .count(),
    5,
  )
  assert.equal(
    await page
      .getByTestId('story')
      .filter({ hasText: /Story \d/ })
      .count(),
    5,
  )
})

test('jobs refuse what they cannot do', async (t) => {
  const port = await freePort()
  const server = await next(port, 'start')
  t.after(() => stop(server))
  const post = (query, body = 'x') => fetch(`http://127.0.0.1:${port}/api/jobs?${query}`, { method: 'POST', body })
  assert.equal((await post('kind=dance&name=x')).status, 400)
  assert.equal((await post('kind=hash')).status, 400)
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/jobs/nothing`)).status, 404)
})

test('next dev: its own socket for reloading is left alone', async (t) => {
  const port = await freePort()
  const server = await next(port, 'dev')
  t.after(() => stop(server))
  assert.equal((await first(port, '/ws/dashboard')).type, 'connected')
  const reloading = new WebSocket(`ws://127.0.0.1:${port}/_next/hmr`)
  t.after(() => reloading.terminate())
  await once(reloading, 'open')
})

test('standalone output', async (t) => {
  const port = await freePort()
  const folder = join(STANDALONE, '.next/standalone')
  assert.ok(existsSync(join(folder, 'node_modules/ws_manager/build/Release/ws_manager.node')), 'the addon is copied')
  // Away from the folder it was built in, as in a container.
  const away = `${folder}-away`
  cpSync(folder, away, { recursive: true })
  const server = await serve(port, process.execPath, ['server.js'], away)
  t.after(() => stop(server))
  const greeting = await first(port, '/ws/dashboard')
  assert.deepEqual(Object.keys(greeting.data.rooms).sort(), ['@all', 'logs', 'project:factory'])
})

test('a server of the application, with attach() in place of register()', async (t) => {
  const port = await freePort()
  writeFileSync(
    join(APP, 'server.mjs'),
    `import { createServer } from 'node:http'
import next from 'next'
import { wsManager } from 'ws_manager'

const app = next({ dev: false })
await app.prepare()
const server = createServer(app.getRequestHandler())
server.on('upgrade', app.getUpgradeHandler())
await wsManager.attach(server)
server.listen(Number(process.env.PORT), '127.0.0.1')
`,
  )
  const server = await serve(port, process.execPath, ['server.mjs'], APP, { NODE_ENV: 'production' })
  t.after(() => stop(server))
  assert.equal((await first(port, '/ws/updates')).type, 'connected')
})

test('SIGTERM ends the server, and every client hears of it', async (t) => {
  const port = await freePort()
  const server = await next(port, 'start')
  t.after(() => stop(server))
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/dashboard`)
  await once(socket, 'message')
  const closed = once(socket, 'close')
  server.kill('SIGTERM')
  const [code] = await closed
  assert.equal(code, 1001)
  await server.gone
})
